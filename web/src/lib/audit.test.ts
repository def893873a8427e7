import { expect, it } from 'vitest';
import type { AuditEntry } from './api/types';
import { rowsOf } from './audit';

const entry = (seq: number, action: string, kind: string, outcome = 'done') =>
  ({ seq, action, actor: { kind, id: kind, name: null }, subject: null, outcome }) as unknown as AuditEntry;

it('says the server’s own work once where it stands in a row, and never what people did', () => {
  const rows = rowsOf([
    entry(7, 'receipts.bound', 'system'),
    entry(6, 'receipts.bound', 'system'),
    entry(5, 'receipts.bound', 'system', 'failed'),
    entry(4, 'session.begun', 'user'),
    entry(3, 'session.begun', 'user'),
    entry(2, 'receipts.bound', 'system'),
    entry(1, 'run.finished', 'system'),
  ]);
  expect(rows.map((r) => [r.entry.seq, r.alike.map((e) => e.seq)])).toEqual([
    [7, [6]],
    [5, []],
    [4, []],
    [3, []],
    [2, []],
    [1, []],
  ]);
});
