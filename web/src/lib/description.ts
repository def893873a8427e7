/** Sections of a pull request's description that its page shows in full elsewhere. */
const ELSEWHERE = /^(files|gates)$/i;
/** Lines that are read at a glance; what is longer is opened by who wants it. */
const LINES = 14;

/** The beginning of a description, without what stands on its page anyhow. Cut between lines, never within a block of code. */
export function shortStory(text: string): string {
  const kept: string[] = [];
  let skip = false;
  let fence = false;
  let left = false;
  for (const line of text.split('\n')) {
    const heading = fence ? null : /^#{1,6}\s+(.*?)\s*$/.exec(line);
    if (heading) skip = ELSEWHERE.test(heading[1] ?? '');
    if (skip) {
      left = true;
      continue;
    }
    if (kept.length >= LINES && !fence) {
      left = true;
      break;
    }
    if (/^\s*(```|~~~)/.test(line)) fence = !fence;
    kept.push(line);
  }
  if (!left) return text;
  // A heading without its text is no end.
  while (kept.length && /^(#{1,6}\s.*|\s*|.*:)$/.test(kept.at(-1) ?? '')) kept.pop();
  return kept.join('\n');
}
