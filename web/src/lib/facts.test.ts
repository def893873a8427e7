import { expect, it } from 'vitest';
import { factOf, factsPath } from './facts';

it('leads only to lists of our own server', () => {
  expect(factsPath('/tasks?type=fix&status=completed')).toBe('/tasks?type=fix&status=completed');
  expect(factsPath('/api/v1/runs?since=2026-01-01T00:00:00Z')).toBe('/runs?since=2026-01-01T00:00:00Z');
  for (const bad of ['//evil.example/x', 'https://evil.example', '/../session', 'tasks', '/tasks#x', '/a//b'])
    expect(factsPath(bad), bad).toBeNull();
});

it('knows what a fact is', () => {
  expect(
    factOf({ id: 'task_1', title: 'Fix', status: 'completed', cost_usd: 1.5, updated_at: 't' }, 0),
  ).toMatchObject({ href: '/tasks/task_1', figure: '$1.50', look: { word: 'Done' } });
  expect(factOf({ id: 'run_1', task_id: 'task_2', status: 'ready', title: 'Fix' }, 0)).toMatchObject({
    href: '/tasks/task_2',
    look: { word: 'Ready' },
  });
  expect(
    factOf(
      {
        id: 'pr_1',
        run_id: 'run_1',
        task_id: 'task_2',
        branch: 'b',
        target: 'main',
        files: [],
        status: 'open',
        title: 'Fix',
      },
      0,
    ).href,
  ).toBe('/reviews/pr_1');
  expect(factOf({}, 3)).toMatchObject({ key: '3', title: 'Fact 4', href: null });
});
