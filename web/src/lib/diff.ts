/** A unified diff, read for showing: files, hunks, lines with both numbers, and what changed within a line. */

export interface Line {
  kind: 'context' | 'added' | 'removed' | 'note';
  /** Number in the old file, from 1. */
  old: number | null;
  /** Number in the new file, from 1. */
  new: number | null;
  text: string;
}

export interface Hunk {
  header: string;
  lines: Line[];
}

export interface FileDiff {
  /** Where it is now; where it was, if it is gone. */
  path: string;
  oldPath: string | null;
  status: 'added' | 'removed' | 'modified' | 'renamed';
  binary: boolean;
  added: number;
  removed: number;
  hunks: Hunk[];
}

export function parseDiff(text: string): FileDiff[] {
  const files: FileDiff[] = [];
  let file: FileDiff | null = null;
  let hunk: Hunk | null = null;
  let oldLine = 0;
  let newLine = 0;
  // Lines that the hunk's header promised: a removed line may itself begin with `-- `.
  let oldLeft = 0;
  let newLeft = 0;
  const rows = text.split('\n');
  for (const row of rows) {
    if (hunk && (oldLeft > 0 || newLeft > 0)) {
      const sign = row[0] ?? ' ';
      const body = row.slice(1);
      if (sign === '+') {
        hunk.lines.push({ kind: 'added', old: null, new: newLine++, text: body });
        newLeft--;
        if (file) file.added++;
        continue;
      }
      if (sign === '-') {
        hunk.lines.push({ kind: 'removed', old: oldLine++, new: null, text: body });
        oldLeft--;
        if (file) file.removed++;
        continue;
      }
      if (sign === ' ' || row === '') {
        hunk.lines.push({ kind: 'context', old: oldLine++, new: newLine++, text: body });
        oldLeft--;
        newLeft--;
        continue;
      }
    }
    if (row.startsWith('\\') && hunk) {
      hunk.lines.push({ kind: 'note', old: null, new: null, text: row.slice(2) });
      continue;
    }
    const git = /^diff --git "?a\/(.*?)"? "?b\/(.*?)"?$/.exec(row);
    if (git) {
      file = begin(git[2] ?? '', git[1] ?? '');
      files.push(file);
      hunk = null;
      continue;
    }
    const at = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@(.*)$/.exec(row);
    if (at) {
      if (!file) {
        file = begin('', '');
        files.push(file);
      }
      oldLine = Number(at[1]);
      newLine = Number(at[3]);
      oldLeft = at[2] === undefined ? 1 : Number(at[2]);
      newLeft = at[4] === undefined ? 1 : Number(at[4]);
      hunk = { header: (at[5] ?? '').trim(), lines: [] };
      file.hunks.push(hunk);
      continue;
    }
    if (row.startsWith('--- ')) {
      // A plain `diff -u` has no `diff --git` line before it.
      if (!file || file.hunks.length) {
        file = begin('', '');
        files.push(file);
        hunk = null;
      }
      const path = named(row.slice(4));
      if (path === null) file.status = 'added';
      else file.oldPath = path;
      continue;
    }
    if (!file) continue;
    if (row.startsWith('+++ ')) {
      const path = named(row.slice(4));
      if (path === null) {
        file.status = 'removed';
        file.path = file.oldPath ?? file.path;
      } else file.path = path;
    } else if (row.startsWith('new file')) file.status = 'added';
    else if (row.startsWith('deleted file')) file.status = 'removed';
    else if (row.startsWith('rename from ')) {
      file.status = 'renamed';
      file.oldPath = row.slice(12);
    } else if (row.startsWith('rename to ')) file.path = row.slice(10);
    else if (row.startsWith('Binary files') || row.startsWith('GIT binary patch')) file.binary = true;
  }
  return files;
}

const begin = (path: string, oldPath: string): FileDiff => ({
  path,
  oldPath: oldPath || null,
  status: 'modified',
  binary: false,
  added: 0,
  removed: 0,
  hunks: [],
});

function named(text: string): string | null {
  const path = text.replace(/\t.*$/, '').replace(/^"(.*)"$/, '$1');
  return path === '/dev/null' ? null : path.replace(/^[ab]\//, '');
}

/** A row of the side-by-side view. */
export interface Pair {
  left: Line | null;
  right: Line | null;
}

/** Removed lines beside the added ones that took their place. */
export function pairs(lines: Line[]): Pair[] {
  const out: Pair[] = [];
  for (let i = 0; i < lines.length;) {
    const line = lines[i] as Line;
    if (line.kind === 'context' || line.kind === 'note') {
      out.push({ left: line, right: line });
      i++;
      continue;
    }
    const removed: Line[] = [];
    const added: Line[] = [];
    for (; i < lines.length && (lines[i]?.kind === 'removed' || lines[i]?.kind === 'added'); i++) {
      const changed = lines[i] as Line;
      (changed.kind === 'removed' ? removed : added).push(changed);
    }
    for (let k = 0; k < Math.max(removed.length, added.length); k++)
      out.push({ left: removed[k] ?? null, right: added[k] ?? null });
  }
  return out;
}

/** A stretch of a changed line: `true` if it is what changed. */
export type Part = [text: string, changed: boolean];

/**
 * What differs between a line and the one that took its place, by words. Nothing is marked when less than a third stayed: then the whole
 * line is another.
 */
export function within(before: string, after: string): { before: Part[]; after: Part[] } {
  const a = tokens(before);
  const b = tokens(after);
  const whole = { before: [[before, false]] as Part[], after: [[after, false]] as Part[] };
  if (a.length > 400 || b.length > 400) return whole;
  const common = lcs(a, b);
  const kept = common.reduce((n, [i]) => n + (a[i]?.trim().length ?? 0), 0);
  if (kept * 3 < Math.max(before.trim().length, after.trim().length)) return whole;
  const inA = new Set(common.map(([i]) => i));
  const inB = new Set(common.map(([, j]) => j));
  return { before: merge(a, inA), after: merge(b, inB) };
}

const tokens = (text: string): string[] => text.match(/\w+|\s+|[^\w\s]/g) ?? [];

function merge(parts: string[], same: Set<number>): Part[] {
  const out: Part[] = [];
  parts.forEach((text, i) => {
    const changed = !same.has(i);
    const last = out.at(-1);
    if (last && last[1] === changed) last[0] += text;
    else out.push([text, changed]);
  });
  return out;
}

function lcs(a: string[], b: string[]): [number, number][] {
  const width = b.length + 1;
  const table = new Uint16Array((a.length + 1) * width);
  const at = (i: number, j: number): number => table[i * width + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      table[i * width + j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  const out: [number, number][] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    if (a[i] === b[j]) out.push([i++, j++]);
    else if (at(i + 1, j) >= at(i, j + 1)) i++;
    else j++;
  }
  return out;
}
