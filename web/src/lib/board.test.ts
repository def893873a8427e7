import { expect, it } from 'vitest';
import type { TaskStatus } from './api/types';
import { columnOf, move, STATUS_COLUMNS } from './board';

const ALL: TaskStatus[] = [
  'submitted',
  'working',
  'input_required',
  'paused',
  'completed',
  'failed',
  'canceled',
];

it('moves what can be moved, and says why the rest can’t', () => {
  const legal: string[] = [];
  for (const status of ALL)
    for (const column of STATUS_COLUMNS) {
      const result = move({ status }, column.key);
      if ('verb' in result) legal.push(`${status} > ${column.key}: ${result.verb}`);
      else expect(result.refused).toMatch(/\.$/);
    }
  expect(legal).toEqual([
    'submitted > working: resume',
    'submitted > paused: pause',
    'submitted > ended: cancel',
    'working > paused: pause',
    'working > ended: cancel',
    'input_required > ended: cancel',
    'paused > working: resume',
    'paused > ended: cancel',
    'failed > working: retry',
  ]);
});

it('has a column for each status', () => {
  expect(ALL.map(columnOf)).toEqual([
    'submitted',
    'working',
    'input_required',
    'paused',
    'completed',
    'ended',
    'ended',
  ]);
});
