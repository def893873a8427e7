/**
 * Text that agents, tools and repositories wrote is shown, never trusted: without control characters (but tab and line
 * feed) and without those that are invisible or turn the reading direction, with which code can look like other code.
 * Source of the list: Unicode TR36 and "Trojan Source" (CVE-2021-42574).
 */
const HIDDEN =
  // eslint-disable-next-line no-control-regex
  /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u00AD\u034F\u061C\u115F\u1160\u17B4\u17B5\u180E\u200B-\u200F\u202A-\u202E\u2060-\u206F\uFEFF\uFFF9-\uFFFB]|[\u{E0000}-\u{E007F}]/gu;

/** The text without them. A carriage return before a line feed goes without a trace. */
export function clean(text: string): string {
  return text.replace(/\r\n/g, '\n').replace(HIDDEN, '');
}

/** The text with a visible sign (U+FFFD) where one was: for code under review, where hiding them would hide the trick. */
export function reveal(text: string): string {
  return text.replace(/\r$/, '').replace(HIDDEN, '\uFFFD');
}

/** What turns the reading direction or can't be seen; control characters stay, for a terminal's colors. */
const DECEIVING =
  /[\u00AD\u034F\u061C\u115F\u1160\u17B4\u17B5\u180E\u200B-\u200F\u202A-\u202E\u2060-\u206F\uFEFF\uFFF9-\uFFFB]|[\u{E0000}-\u{E007F}]/gu;

/** A JSON value without them: names and titles are shown in many places, and none of these may forget. */
export function honest(value: unknown): unknown {
  if (typeof value === 'string') return value.replace(DECEIVING, '');
  if (Array.isArray(value)) return value.map(honest);
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, honest(v)]));
  return value;
}

/** One line, at most `length` characters. */
export function oneLine(text: string, length = 200): string {
  const line = clean(text).replace(/\s+/g, ' ').trim();
  return line.length > length ? `${line.slice(0, length - 1)}…` : line;
}

/** Whether the same was typed as is shown, but for what no keyboard has: typographic quotes, dashes, ellipses and spaces. */
export function sameWords(typed: string, shown: string): boolean {
  const plain = (text: string) =>
    text
      .normalize('NFKC')
      .replace(/[‘’]/g, "'")
      .replace(/[“”]/g, '"')
      .replace(/[‐–—−]/g, '-')
      .replace(/\s+/g, ' ')
      .trim();
  return plain(typed) === plain(shown);
}
