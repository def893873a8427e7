import { client } from '../api/client';
import type { List, PullRequest, Task } from '../api/types';
import { directory } from '../directory.svelte';
import { live } from '../live.svelte';
import { Resource, throttle } from '../resource.svelte';

export interface Need {
  key: string;
  kind: 'question' | 'plan' | 'approval' | 'review' | 'failed';
  title: string;
  detail: string;
  project: string;
  at: string;
  href: string;
}

/** What waits for a person: questions, plans, reviews, failures; the oldest question first. */
class Needs {
  readonly resource = new Resource<Need[]>(async () => {
    const read = <T>(path: string, status: string) =>
      client.get<List<T>>(path, { query: { status, limit: 50 } }).then((l) => l.items);
    const [asking, failed, open] = await Promise.all([
      read<Task>('/tasks', 'input_required'),
      read<Task>('/tasks', 'failed'),
      read<PullRequest>('/pull-requests', 'open'),
    ]);
    return [
      ...asking.map(ofTask),
      ...open.map((p) => ({
        key: p.id,
        kind: 'review' as const,
        title: p.title,
        detail: said(p),
        project: p.project_id,
        at: p.updated_at,
        href: `/reviews/${p.id}`,
      })),
      ...failed.map(ofTask),
    ];
  });
  readonly items = $derived(this.resource.data ?? []);
  readonly count = $derived(this.items.length);

  /** For an `$effect`: reads, and reads again when something happens in a project. */
  start(): () => void {
    const refresh = throttle(2000, () => void this.resource.load());
    refresh();
    return live.watchAll(directory.activeIds, (event) => {
      if (!event || !event.type.endsWith('run.progressed')) refresh();
    });
  }
}

function said(p: PullRequest): string {
  const passed = p.gates.filter((g) => g.verdict === 'passed').length;
  const refused = p.gates.filter((g) => g.verdict === 'failed' || g.verdict === 'error').length;
  const open = p.comments.filter((c) => !c.resolved).length;
  return [
    refused
      ? `${refused} of ${p.gates.length} gates refuse it`
      : `${passed} ${passed === 1 ? 'gate' : 'gates'} passed`,
    `${p.files.length} ${p.files.length === 1 ? 'file' : 'files'}`,
    open ? `${open} open ${open === 1 ? 'comment' : 'comments'}` : '',
  ]
    .filter(Boolean)
    .join(', ');
}

function ofTask(t: Task): Need {
  const code = t.error?.code;
  return {
    key: t.id,
    kind:
      t.status === 'failed'
        ? 'failed'
        : code === 'plan_approval_required'
          ? 'plan'
          : code === 'approval_required'
            ? 'approval'
            : code === 'question'
              ? 'question'
              : 'failed',
    title: t.title,
    // What the row's own word says already.
    detail: (t.error?.message ?? '').replace(/^(the agent asks|the plan waits for approval): /, ''),
    project: t.project_id,
    at: t.updated_at,
    href: `/tasks/${t.id}`,
  };
}

export const needs = new Needs();
