import { inkOn, parseHex, readable, toHex, type Rgb } from './color';

export type Theme = 'system' | 'light' | 'dark';
const KEY = 'aamas.theme';
const SURFACE = { light: [255, 255, 255] as Rgb, dark: [22, 27, 31] as Rgb };

/** Light, dark, or as the system has it; kept in this browser. */
class ThemeStore {
  choice = $state<Theme>('system');

  start(): void {
    const stored = localStorage.getItem(KEY);
    if (stored === 'light' || stored === 'dark') this.choice = stored;
  }
  set(choice: Theme): void {
    this.choice = choice;
    if (choice === 'system') {
      localStorage.removeItem(KEY);
      delete document.documentElement.dataset.theme;
    } else {
      localStorage.setItem(KEY, choice);
      document.documentElement.dataset.theme = choice;
    }
  }
  next(): void {
    this.set(this.choice === 'system' ? 'light' : this.choice === 'light' ? 'dark' : 'system');
  }
}
export const theme = new ThemeStore();

/** Takes an organization's accent, moved as far as it needs to be read on both grounds. */
export function applyAccent(accent: string | null | undefined): void {
  const root = document.documentElement.style;
  const color = accent ? parseHex(accent) : null;
  for (const name of ['--accent', '--on-accent']) root.removeProperty(name);
  if (!color) return;
  const light = readable(color, SURFACE.light, 5);
  const dark = readable(color, SURFACE.dark, 5);
  root.setProperty('--accent', `light-dark(${toHex(light)}, ${toHex(dark)})`);
  root.setProperty('--on-accent', `light-dark(${toHex(inkOn(light))}, ${toHex(inkOn(dark))})`);
}
