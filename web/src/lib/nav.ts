import type { IconName } from './ui/Icon.svelte';
import type { Action } from './session.svelte';

/** The pages, in the order of the menu. One that the person may not read is left out. */
export interface Page {
  path: string;
  title: string;
  icon: IconName;
  /** Pressed after `g`. */
  key: string;
  needs?: Action;
}

export const PAGES: Page[] = [
  { path: '/', title: 'Overview', icon: 'overview', key: 'h' },
  { path: '/board', title: 'Tasks', icon: 'board', key: 't' },
  { path: '/reviews', title: 'Reviews', icon: 'review', key: 'r' },
  { path: '/projects', title: 'Projects', icon: 'project', key: 'p' },
  { path: '/agents', title: 'Agents', icon: 'agents', key: 'a' },
  { path: '/cost', title: 'Cost', icon: 'cost', key: 'c', needs: 'cost.read' },
  { path: '/audit', title: 'Audit', icon: 'audit', key: 'u', needs: 'audit.read' },
  { path: '/settings', title: 'Settings', icon: 'settings', key: 's' },
];

/** Whether a page of the menu is the one being looked at. */
export function isCurrent(page: string, path: string): boolean {
  if (page === '/') return path === '/';
  if (page === '/board' && path.startsWith('/tasks')) return true;
  return path === page || path.startsWith(`${page}/`);
}
