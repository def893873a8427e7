import { expect, it } from 'vitest';
import { backoff } from './backoff';

it('waits longer each time, never all at once, and at most half a minute', () => {
  expect([1, 2, 3, 4].map((n) => backoff(n, 1))).toEqual([500, 1000, 2000, 4000]);
  expect(backoff(1, 0)).toBe(250);
  expect(backoff(50, 1)).toBe(30_000);
});
