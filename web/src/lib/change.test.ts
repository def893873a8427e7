import { expect, it } from 'vitest';
import { factsOf, firstStop, stopBeside, stopsOf, type Spot } from './change';
import { parseDiff } from './diff';
import type { PullRequest } from './api/types';

type Gate = PullRequest['gates'][number];

const file = (path: string, status: 'added' | 'removed' | 'modified' = 'modified') => ({
  path,
  status,
  added: 2,
  removed: 1,
});

it('counts what a change touches and what the gates said', () => {
  const gate = (name: Gate['name'], verdict: Gate['verdict']) => ({ name, verdict, summary: '' });
  const facts = factsOf({
    files: [
      file('src/a.py'),
      file('tests/test_a.py', 'added'),
      file('old.py', 'removed'),
      file('.github/workflows/ci.yml'),
    ],
    gates: [gate('tests', 'failed'), gate('build', 'passed'), gate('lint', 'skipped'), gate('diff', 'error')],
  });
  expect({
    ...facts,
    deleted: facts.deleted.map((f) => f.path),
    tests: facts.tests.map((f) => f.path),
    guarded: facts.guarded.map((f) => f.path),
    refused: facts.refused.map((g) => g.name),
  }).toEqual({
    added: 8,
    removed: 4,
    deleted: ['old.py'],
    tests: ['tests/test_a.py'],
    guarded: ['.github/workflows/ci.yml'],
    refused: ['tests', 'diff'],
    passed: 1,
    skipped: 1,
  });
});

const stops = stopsOf(
  parseDiff(`diff --git a/a.py b/a.py
--- a/a.py
+++ b/a.py
@@ -1,4 +1,5 @@
+one
+two
 three
-four
+fore
 five
@@ -20,2 +21,1 @@
 twenty
-gone
diff --git a/b.py b/b.py
--- a/b.py
+++ b/b.py
@@ -7,1 +7,2 @@
 seven
+eight
`),
);

it('stops at each block that changed', () =>
  expect(stops.map((s) => `${s.path}:${s.line}`)).toEqual(['a.py:1', 'a.py:4', 'a.py:21', 'b.py:8']));

it.each<[string, Spot | null, 1 | -1, string]>([
  ['begins at the first', null, 1, 'a.py:1'],
  ['begins at the last', null, -1, 'b.py:8'],
  ['goes on', { path: 'a.py', line: 1 }, 1, 'a.py:4'],
  ['goes back', { path: 'a.py', line: 21 }, -1, 'a.py:4'],
  ['goes on from between two', { path: 'a.py', line: 3 }, 1, 'a.py:4'],
  ['stays at the end', { path: 'b.py', line: 8 }, 1, 'b.py:8'],
  ['stays at the beginning', { path: 'a.py', line: 1 }, -1, 'a.py:1'],
])('%s', (_, cursor, by, want) => {
  const stop = stopBeside(stops, cursor, by);
  expect(`${stop?.path}:${stop?.line}`).toBe(want);
});

it('arrives in a file at what changed', () => {
  expect(firstStop(stops, 'b.py').line).toBe(8);
  expect(firstStop(stops, 'picture.png').line).toBe(1);
});
