import type { PullRequest, Verdict } from './api/types';
import type { FileDiff } from './diff';

/** Paths that act outside the code, or on agents: after the contract. */
const PROTECTED =
  /(^|\/)(\.github|\.gitlab-ci|\.ci|\.husky|\.githooks|\.aamas|\.claude|AGENTS\.md|CLAUDE\.md|Jenkinsfile|[^/]*\.lock|[^/]*-lock\.json|Dockerfile)/;
const TEST = /(^|\/)(tests?|spec|__tests__)\/|[._-](test|spec)\.|(^|\/)test_/;

/** What a pull request comes to, counted from its files and gates. */
export function factsOf(p: Pick<PullRequest, 'files' | 'gates'>) {
  const verdicts = (...of: string[]) => p.gates.filter((g) => of.includes(g.verdict));
  return {
    added: p.files.reduce((n, f) => n + f.added, 0),
    removed: p.files.reduce((n, f) => n + f.removed, 0),
    deleted: p.files.filter((f) => f.status === 'removed'),
    tests: p.files.filter((f) => TEST.test(f.path)),
    guarded: p.files.filter((f) => PROTECTED.test(f.path)),
    refused: verdicts('failed', 'error'),
    passed: verdicts('passed').length,
    skipped: verdicts('skipped').length,
  };
}
/** What the gates said, in words: those that had nothing to judge are not taken for refusals. */
export function gatesSaid(gates: { verdict: Verdict }[]): string {
  const of = (...verdicts: Verdict[]) => gates.filter((g) => verdicts.includes(g.verdict)).length;
  const [passed, refused, skipped] = [of('passed'), of('failed', 'error'), of('skipped')];
  return [refused ? `${refused} refused` : '', `${passed} passed`, skipped ? `${skipped} skipped` : '']
    .filter(Boolean)
    .join(', ');
}
export type ChangeFacts = ReturnType<typeof factsOf>;

/** A line of a changed file, where a comment goes. */
export interface Spot {
  path: string;
  line: number;
}

/** Where `j` and `k` stop: the first changed line of each block, or the first line of a hunk that only takes lines away. */
export function stopsOf(files: FileDiff[]): Spot[] {
  return files.flatMap((f) =>
    f.hunks.flatMap((h) => {
      const out: Spot[] = [];
      let inside = false;
      for (const l of h.lines) {
        const changed = l.kind === 'added';
        if (changed && !inside && l.new !== null) out.push({ path: f.path, line: l.new });
        inside = changed;
      }
      if (!out.length) {
        const at = h.lines.find((l) => l.new !== null);
        if (at?.new) out.push({ path: f.path, line: at.new });
      }
      return out;
    }),
  );
}

/** The stop after or before the cursor; the cursor may stand between two. At either end it stays. */
export function stopBeside(stops: Spot[], cursor: Spot | null, by: 1 | -1): Spot | undefined {
  if (cursor === null) return by > 0 ? stops[0] : stops.at(-1);
  const at = stops.findIndex((s) => s.path === cursor.path && s.line >= cursor.line);
  const exact = stops[at]?.line === cursor.line;
  const next = by < 0 ? at - 1 : exact ? at + 1 : Math.max(at, 0);
  return stops[Math.max(0, Math.min(stops.length - 1, next))];
}

/** Where one arrives in a file. */
export const firstStop = (stops: Spot[], path: string): Spot => ({
  path,
  line: stops.find((s) => s.path === path)?.line ?? 1,
});
