import { expect, test } from 'vitest';
import { everyDay } from './days';

test('days without a line are there, and nothing is twice', () => {
  const days = everyDay(
    [{ day: '2026-03-01', n: 2 }],
    '2026-02-27T00:00:00Z',
    '2026-03-02T10:00:00Z',
    (day) => ({
      day,
      n: 0,
    }),
  );
  expect(days.map((d) => [d.day, d.n])).toEqual([
    ['2026-02-27', 0],
    ['2026-02-28', 0],
    ['2026-03-01', 2],
    ['2026-03-02', 0],
  ]);
  expect(everyDay([], 'x', 'y', (day) => ({ day }))).toEqual([]);
});
