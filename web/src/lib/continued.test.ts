import { expect, it } from 'vitest';
import { continuation, origin } from './continued';

const pull = (id: string, base: string, head: string, status: 'open' | 'merged' | 'closed' = 'open') => ({
  id,
  project_id: 'p',
  base_commit: base,
  head_commit: head,
  status,
});
const [first, second] = [pull('first', 'a', 'b'), pull('second', 'b', 'c')];

it('knows the change that answers the comments on another', () => {
  expect(continuation(first, [first, second])?.id).toBe('second');
  expect(origin(second, [first, second])?.id).toBe('first');
  expect(continuation(second, [first, second])).toBeUndefined();
});

it('takes no change for an answer that only begins where a merged one ended', () => {
  const merged = pull('first', 'a', 'b', 'merged');
  expect(continuation(merged, [merged, second])).toBeUndefined();
  expect(origin(second, [merged, second])).toBeUndefined();
});

it('leaves out an answer that was closed, and another project', () => {
  expect(continuation(first, [pull('second', 'b', 'c', 'closed')])).toBeUndefined();
  expect(continuation(first, [{ ...second, project_id: 'q' }])).toBeUndefined();
});
