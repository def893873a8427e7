import { client } from '../api/client';
import type { List, Need as ServerNeed, PullRequest } from '../api/types';
import { factsOf } from '../change';
import { directory } from '../directory.svelte';
import { plural } from '../format';
import { live } from '../live.svelte';
import { Resource, throttle } from '../resource.svelte';

export interface Need {
  key: string;
  kind: ServerNeed['kind'];
  title: string;
  detail: string;
  project: string | null;
  at: string;
  href: string;
}

/** What holds agents up comes first, then what they have done, then what came to nothing. */
const RANK: Record<Need['kind'], number> = {
  question: 0,
  plan: 0,
  approval: 0,
  input: 0,
  unassigned: 1,
  review: 2,
  failed: 3,
};

/** What waits for a person, as the server says. */
class Needs {
  readonly resource = new Resource<Need[]>(async () => {
    const [waiting, open] = await Promise.all([
      client.get<List<ServerNeed>>('/needs-you'),
      client.get<List<PullRequest>>('/pull-requests', { query: { status: 'open', limit: 200 } }),
    ]);
    // Of a review the server says its name only: how it stands is read from the pull request itself.
    const pulls = new Map(open.items.map((p) => [p.id, p]));
    return waiting.items.map((n) => shown(n, pulls.get(n.id))).sort((a, b) => RANK[a.kind] - RANK[b.kind]);
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

function shown(n: ServerNeed, pull: PullRequest | undefined): Need {
  return {
    key: n.id,
    kind: n.kind,
    title: n.title,
    // Without what the row's own word says already.
    detail: pull
      ? said(pull)
      : (n.detail ?? '').replace(/^(the agent asks|the plan waits for approval|nobody fits): /, ''),
    project: n.project_id,
    at: n.since,
    href: n.pull_request_id ? `/reviews/${n.pull_request_id}` : `/tasks/${n.task_id}`,
  };
}

function said(p: PullRequest): string {
  const { refused, passed } = factsOf(p);
  const open = p.comments.filter((c) => !c.resolved).length;
  return [
    refused.length
      ? `${refused.length} of ${plural(p.gates.length, 'gate')} ${refused.length === 1 ? 'refuses' : 'refuse'} it`
      : `${plural(passed, 'gate')} passed`,
    plural(p.files.length, 'file'),
    open ? plural(open, 'open comment') : '',
  ]
    .filter(Boolean)
    .join(', ');
}

export const needs = new Needs();
