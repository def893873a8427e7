import { untrack } from 'svelte';

/** A command of the page or of the app: on its keys, in the list that `?` shows, and among the actions that `.` opens. */
export interface Shortcut {
  /** Such as `c` or `g o`; none: only among the actions. */
  keys?: string;
  label: string;
  group: 'Go to' | 'This page' | 'Everywhere' | 'Lists';
  run: () => void;
  /** Left out of the actions: moving about is no action. */
  hidden?: boolean;
}

const KEY = 'aamas.keys';

class Keys {
  private readonly sets = $state<{ id: number; shortcuts: Shortcut[] }[]>([]);
  /** Single keys can be switched off, for those who speak to their machine. */
  enabled = $state(true);
  helpOpen = $state(false);
  actionsOpen = $state(false);
  private next = 1;
  private prefix: string | null = null;
  private prefixTimer: ReturnType<typeof setTimeout> | undefined;

  all = $derived(this.sets.flatMap((s) => s.shortcuts));

  /** For an `$effect`: there while the page is. */
  add(shortcuts: Shortcut[]): () => void {
    const id = this.next++;
    untrack(() => this.sets.push({ id, shortcuts }));
    return () => {
      untrack(() => {
        const at = this.sets.findIndex((s) => s.id === id);
        if (at >= 0) this.sets.splice(at, 1);
      });
    };
  }

  start(): () => void {
    this.enabled = localStorage.getItem(KEY) !== 'off';
    const listen = (event: KeyboardEvent) => this.press(event);
    addEventListener('keydown', listen);
    return () => removeEventListener('keydown', listen);
  }

  toggle(on: boolean): void {
    this.enabled = on;
    if (on) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, 'off');
  }

  private press(event: KeyboardEvent): void {
    if (!this.enabled || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const target = event.target as HTMLElement | null;
    if (target?.closest('input, textarea, select, [contenteditable]')) return;
    if (document.querySelector('dialog[open]')) return;
    const pressed = this.prefix ? `${this.prefix} ${event.key}` : event.key;
    clearTimeout(this.prefixTimer);
    this.prefix = null;
    const hit = this.all.findLast((s) => s.keys === pressed);
    if (hit) {
      event.preventDefault();
      hit.run();
    } else if (this.all.some((s) => s.keys?.startsWith(`${pressed} `))) {
      this.prefix = pressed;
      this.prefixTimer = setTimeout(() => (this.prefix = null), 1500);
    }
  }
}
export const keys = new Keys();

/** Moves the focus among the rows of the page (`data-row`). */
export function moveRow(by: 1 | -1): void {
  const rows = [...document.querySelectorAll<HTMLElement>('main [data-row]')].filter(
    (r) => r.offsetParent !== null,
  );
  if (!rows.length) return;
  const active = document.activeElement as HTMLElement | null;
  const at = rows.findIndex((r) => r === active || r.contains(active));
  const next =
    rows[at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.max(0, Math.min(rows.length - 1, at + by))];
  if (!next) return;
  const focusable = next.matches('a, button, [tabindex]')
    ? next
    : next.querySelector<HTMLElement>('a, button');
  focusable?.focus({ preventScroll: true });
  next.scrollIntoView({ block: 'nearest' });
}

/** Opens the row that has the focus. */
export function openRow(): void {
  const row = (document.activeElement as HTMLElement | null)?.closest<HTMLElement>('[data-row]');
  const opener = row?.matches('a, button') ? row : row?.querySelector<HTMLElement>('[data-open], a, button');
  opener?.click();
}
