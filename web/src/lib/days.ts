const DAY_MS = 86_400_000;

/** Each UTC day from `since` to `until` with what is known of it: a day without a line had nothing. 400 days at most. */
export function everyDay<T extends { day: string }>(
  lines: T[],
  since: string,
  until: string,
  nothing: (day: string) => T,
): T[] {
  const known = new Map(lines.map((l) => [l.day, l]));
  const out: T[] = [];
  const end = Date.parse(until);
  for (let at = Date.parse(`${since.slice(0, 10)}T00:00:00Z`); at <= end && out.length < 400; at += DAY_MS) {
    const day = new Date(at).toISOString().slice(0, 10);
    out.push(known.get(day) ?? nothing(day));
  }
  return out;
}
