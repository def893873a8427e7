import { client } from './api/client';
import { ApiError } from './api/error';
import type { Branding, Session, Setup } from './api/types';
import { applyAccent } from './theme.svelte';

/** What can be asked for, by the server's own words. The server decides; this only leaves out what it would refuse. */
export type Action =
  | 'organization.update'
  | 'projects.create'
  | 'projects.update'
  | 'projects.delete'
  | 'tasks.create'
  | 'tasks.update'
  | 'tasks.control'
  | 'runs.steer'
  | 'runs.control'
  | 'runs.fork'
  | 'runs.replay'
  | 'runs.export'
  | 'plans.approve'
  | 'pull_requests.comment'
  | 'pull_requests.approve'
  | 'pull_requests.merge'
  | 'pull_requests.close'
  | 'agents.create'
  | 'agents.update'
  | 'agents.delete'
  | 'members.read'
  | 'members.manage'
  | 'invitations.manage'
  | 'tokens.read'
  | 'tokens.manage'
  | 'policies.read'
  | 'policies.manage'
  | 'audit.read'
  | 'audit.verify'
  | 'audit.export'
  | 'receipts.read'
  | 'cost.read'
  | 'models.read';

/** Who is signed in, where, and what they may do. */
class SessionStore {
  current = $state<Session | null>(null);
  setup = $state<Setup | null>(null);

  /** The name and look in force: the organization's, else the server's. */
  branding = $derived<Branding>({
    name: this.current?.organization.branding?.name ?? this.setup?.branding.name ?? null,
    accent: this.current?.organization.branding?.accent ?? this.setup?.branding.accent ?? null,
    logo_url: this.current?.organization.branding?.logo_url ?? this.setup?.branding.logo_url ?? null,
  });
  productName = $derived(this.branding.name || 'AAMAS');

  /** What to show first: the app, the sign-in, or the first start. */
  async load(): Promise<'in' | 'out' | 'setup'> {
    this.setup ??= await client.get<Setup>('/setup');
    if (this.setup.needed) return this.done('setup');
    try {
      this.current = await client.get<Session>('/session');
      return this.done('in');
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) {
        this.current = null;
        return this.done('out');
      }
      throw error;
    }
  }
  private done<T>(state: T): T {
    applyAccent(this.branding.accent);
    return state;
  }
  async reload(): Promise<void> {
    client.forget();
    this.setup = null;
    await this.load();
  }
  may(action: Action): boolean {
    return this.current?.permissions.includes(action) ?? false;
  }
  async signOut(): Promise<void> {
    await client.delete('/session');
    client.forget();
    this.current = null;
  }
}
export const session = new SessionStore();
