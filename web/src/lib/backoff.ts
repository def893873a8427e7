/** Pause in milliseconds before try number `tries` (from 1): 0.5 s doubled each time, at most 30 s, of which a random half is left out. */
export function backoff(tries: number, random: number): number {
  const full = Math.min(500 * 2 ** Math.min(tries - 1, 10), 30_000);
  return full * (0.5 + random / 2);
}
