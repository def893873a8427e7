/** The time, for 'how long ago'. One timer for the page. */
class Clock {
  now = $state(Date.now());
  start(): () => void {
    const timer = setInterval(() => (this.now = Date.now()), 5000);
    return () => clearInterval(timer);
  }
}
export const clockStore = new Clock();
