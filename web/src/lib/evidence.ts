import { duration, words } from './format';

/** What a gate saw, one thing a row; what it saw nothing of is left out. */
export interface Seen {
  name: string;
  items: string[];
}

const isNothing = (value: unknown): boolean =>
  value === null ||
  value === undefined ||
  value === '' ||
  (typeof value === 'object' && Object.values(value).every(isNothing));

/** A name and a value with its unit, which the key ends with. */
const named = (key: string, value: unknown): [string, unknown] =>
  key.endsWith('_ms') && typeof value === 'number' ? [key.slice(0, -3), duration(value)] : [key, value];

/** A value in one line: `passed 2, failed 0`. */
function inWords(value: unknown): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (Array.isArray(value)) return value.map(inWords).join(', ');
  if (typeof value === 'object' && value !== null)
    return Object.entries(value)
      .filter(([, v]) => !isNothing(v))
      .map(([k, v]) => named(k, v))
      .map(([key, v]) => `${key.replaceAll('_', ' ')} ${inWords(v)}`)
      .join(', ');
  return String(value);
}

/** Evidence as gates write it, in a form for reading. It may come from any later server: nothing of its shape is counted on. */
export function seen(evidence: unknown): Seen[] {
  if (typeof evidence === 'string') return evidence ? [{ name: 'Output', items: [evidence] }] : [];
  if (typeof evidence !== 'object' || evidence === null) return [];
  return Object.entries(evidence)
    .filter(([, value]) => !isNothing(value))
    .map(([k, v]) => named(k, v))
    .map(([key, value]) => ({
      name: words(key),
      items: Array.isArray(value) ? value.map(inWords) : [inWords(value)],
    }));
}
