/** Whether the server answers at all. Says since when it does not. */
class Connection {
  offlineSince = $state<number | null>(null);

  reached(reached: boolean): void {
    if (reached) this.offlineSince = null;
    else this.offlineSince ??= Date.now();
  }
}
export const connection = new Connection();
