import type { AuditEntry } from './api/types';

/** An entry of the trail, and how many before it say the same of the server's own work. */
export interface Row {
  entry: AuditEntry;
  alike: AuditEntry[];
}

/** The server's own bookkeeping, which is about nothing in particular, said once where it stands in a row. */
export function rowsOf(entries: AuditEntry[]): Row[] {
  const rows: Row[] = [];
  for (const entry of entries) {
    const last = rows.at(-1);
    if (last && own(entry) && own(last.entry) && last.entry.action === entry.action) last.alike.push(entry);
    else rows.push({ entry, alike: [] });
  }
  return rows;
}

const own = (e: AuditEntry): boolean => e.actor.kind === 'system' && !e.subject && e.outcome === 'done';
