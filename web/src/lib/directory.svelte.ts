import { client } from './api/client';
import type { Agent, List, Project } from './api/types';
import { Resource } from './resource.svelte';

/** All items of a list, a page after the other, at most `most`. */
export async function all<T>(path: string, query: Record<string, string> = {}, most = 1000): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | null = null;
  do {
    const page: List<T> = await client.get<List<T>>(path, {
      query: { ...query, limit: 200, cursor: cursor ?? undefined },
    });
    items.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor && items.length < most);
  return items;
}

/** Who and what the ids stand for: projects and agents are few, and named on every page. */
class Directory {
  /** Archived ones too: what was done in them keeps their name. */
  readonly projects = new Resource<Project[]>(() =>
    Promise.all([all<Project>('/projects'), all<Project>('/projects', { status: 'archived' })]).then(
      (lists) => lists.flat(),
    ),
  );
  readonly agents = new Resource<Agent[]>(() => all<Agent>('/agents'));

  async load(): Promise<void> {
    await Promise.all([this.projects.load(), this.agents.load()]);
  }
  forget(): void {
    this.projects.data = undefined;
    this.agents.data = undefined;
  }
  /** Projects that tasks can be given to. */
  active = $derived.by(() => (this.projects.data ?? []).filter((p) => p.status !== 'archived'));

  /** Their ids in one text: it stays the same when they are read again, and so does what depends on it. */
  private activeKey = $derived(this.active.map((p) => p.id).join(' '));
  get activeIds(): string[] {
    return this.activeKey ? this.activeKey.split(' ') : [];
  }

  project(id: string | null | undefined): Project | undefined {
    return this.projects.data?.find((p) => p.id === id);
  }
  agent(id: string | null | undefined): Agent | undefined {
    return this.agents.data?.find((a) => a.id === id);
  }
}
export const directory = new Directory();
