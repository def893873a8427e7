import { expect, it } from 'vitest';
import { seen } from './evidence';

it('says what was seen, and leaves out what was not', () =>
  expect(
    seen({
      commands: [{ suite: 'unittest', end: { exited: 0 }, tests: 2 }],
      head: { passed: 2, failed: 0 },
      duration_ms: 122,
      is_fix: true,
      fixed: ['tests/test_calc.py::test_add', 'tests/test_calc.py::test_twice'],
      flaky: [],
      not_measured: { files: [] },
    }),
  ).toEqual([
    { name: 'Commands', items: ['suite unittest, end exited 0, tests 2'] },
    { name: 'Head', items: ['passed 2, failed 0'] },
    { name: 'Duration', items: ['122 ms'] },
    { name: 'Is fix', items: ['yes'] },
    { name: 'Fixed', items: ['tests/test_calc.py::test_add', 'tests/test_calc.py::test_twice'] },
  ]));

it.each([[null], [undefined], [{}], [''], [{ findings: [] }]])('finds nothing in %j', (evidence) =>
  expect(seen(evidence)).toEqual([]),
);
