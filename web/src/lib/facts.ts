import { BASE } from './api/client';
import { count, money } from './format';
import { PULL_REQUEST, RUN, TASK, AGENT, type Look } from './states';

/** A fact that a figure was computed from, as a row. */
export interface Fact {
  key: string;
  title: string;
  href: string | null;
  look: Look | null;
  at: string | null;
  figure: string;
}

/** The path below the API that a figure names; null if it would lead anywhere else. */
export function factsPath(query: string): string | null {
  const path = query.startsWith(BASE) ? query.slice(BASE.length) : query;
  return /^\/[a-z][a-z0-9/_-]*(\?[^#]*)?$/i.test(path) && !path.includes('//') && !path.includes('..')
    ? path
    : null;
}

type Loose = Record<string, unknown>;
const text = (o: Loose, ...names: string[]): string => {
  for (const n of names) if (typeof o[n] === 'string' && o[n]) return o[n] as string;
  return '';
};

/** A row of whatever list the figure was computed from. */
export function factOf(item: Loose, index: number): Fact {
  const id = text(item, 'id', 'key');
  const status = text(item, 'status');
  const at = text(item, 'updated_at', 'at', 'last_active', 'created_at') || null;
  const base = { key: id || String(index), at, figure: '' };
  if (id.startsWith('run_')) {
    const spent = (item.spent as { cost_usd?: unknown } | undefined)?.cost_usd;
    return {
      ...base,
      title: text(item, 'title') || id,
      href: typeof item.task_id === 'string' ? `/tasks/${item.task_id}` : `/runs/${id}`,
      look: RUN[status as keyof typeof RUN] ?? null,
      figure: typeof spent === 'number' ? money(spent) : '',
    };
  }
  if (id.startsWith('task_'))
    return {
      ...base,
      title: text(item, 'title'),
      href: `/tasks/${id}`,
      look: TASK[status as keyof typeof TASK] ?? null,
      figure: typeof item.cost_usd === 'number' ? money(item.cost_usd) : '',
    };
  if (id.startsWith('pr_'))
    return {
      ...base,
      title: text(item, 'title'),
      href: `/reviews/${id}`,
      look: PULL_REQUEST[status as keyof typeof PULL_REQUEST] ?? null,
    };
  if (id.startsWith('agent_'))
    return {
      ...base,
      title: text(item, 'name', 'title') || id,
      href: `/agents/${id}`,
      look: AGENT[status as keyof typeof AGENT] ?? null,
    };
  if (item.kind === 'samples')
    return { ...base, title: `${count(Number(item.whole))} measurements`, href: null, look: null };
  return {
    ...base,
    title: text(item, 'title', 'name', 'file_path', 'summary') || id || `Fact ${index + 1}`,
    href: null,
    look: null,
  };
}
