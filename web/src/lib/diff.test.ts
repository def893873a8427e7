import { expect, it } from 'vitest';
import { pairs, parseDiff, within } from './diff';

const DIFF = `diff --git a/src/invoice.py b/src/invoice.py
index 1..2 100644
--- a/src/invoice.py
+++ b/src/invoice.py
@@ -1,3 +1,4 @@ def total
 import a
-    return round(x)
+    cents = x * 100
+    return quantize(x)
 end
@@ -9 +10 @@
--- sql comment
+++ plus
\\ No newline at end of file
diff --git a/new.txt b/new.txt
new file mode 100644
--- /dev/null
+++ b/new.txt
@@ -0,0 +1 @@
+hello
diff --git a/old.png b/old.png
deleted file mode 100644
Binary files a/old.png and /dev/null differ
diff --git a/a.rs b/b.rs
similarity index 100%
rename from a.rs
rename to b.rs
`;

it('reads files, numbers, and lines that look like headers', () => {
  const files = parseDiff(DIFF);
  expect(files.map((f) => [f.path, f.status, f.added, f.removed, f.binary, f.hunks.length])).toEqual([
    ['src/invoice.py', 'modified', 3, 2, false, 2],
    ['new.txt', 'added', 1, 0, false, 1],
    ['old.png', 'removed', 0, 0, true, 0],
    ['b.rs', 'renamed', 0, 0, false, 0],
  ]);
  expect(files[0]?.hunks[0]?.lines.map((l) => [l.old, l.new, l.kind])).toEqual([
    [1, 1, 'context'],
    [2, null, 'removed'],
    [null, 2, 'added'],
    [null, 3, 'added'],
    [3, 4, 'context'],
  ]);
  expect(files[0]?.hunks[1]?.lines.map((l) => l.text)).toEqual([
    '-- sql comment',
    '++ plus',
    'No newline at end of file',
  ]);
  expect(parseDiff('')).toEqual([]);
});

it('puts a line beside the one that took its place', () => {
  const lines = parseDiff(DIFF)[0]?.hunks[0]?.lines ?? [];
  expect(pairs(lines).map((p) => [p.left?.old ?? null, p.right?.new ?? null])).toEqual([
    [1, 1],
    [2, 2],
    [null, 3],
    [3, 4],
  ]);
});

it('marks what changed within a line, unless it is another line', () => {
  expect(within('return round(x)', 'return quantize(x)')).toEqual({
    before: [
      ['return ', false],
      ['round', true],
      ['(x)', false],
    ],
    after: [
      ['return ', false],
      ['quantize', true],
      ['(x)', false],
    ],
  });
  expect(within('alpha', 'something else')).toEqual({
    before: [['alpha', false]],
    after: [['something else', false]],
  });
});
