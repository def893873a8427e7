/** How figures and times are said, in one place. American English; times in the reader's zone, with UTC on hover. */

const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const decimal = new Intl.NumberFormat('en-US', { maximumFractionDigits: 1 });

/** Decimal US dollars. Below a cent the digits that say something; null: a price is unknown. */
export function money(usd: number | null | undefined): string {
  if (usd === null || usd === undefined) return 'no price';
  if (usd === 0) return '$0.00';
  const size = Math.abs(usd);
  const sign = usd < 0 ? '−' : '';
  if (size < 0.01) return `${sign}$${size.toFixed(4)}`;
  if (size < 1000) return `${sign}$${size.toFixed(2)}`;
  return `${sign}$${whole.format(size)}`;
}

/** Nano-USD, as journals have it. */
export const fromNano = (nano: number | null | undefined): number | null =>
  nano === null || nano === undefined ? null : nano / 1e9;

/** `820 ms`, `1.2 s`, `3 min 05 s`, `2 h 10 min`. */
export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return '–';
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 60) return `${decimal.format(Math.floor(seconds * 10) / 10)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${String(Math.floor(seconds % 60)).padStart(2, '0')} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}

/** Hours of effort, estimated or taken. */
export function hours(value: number | null | undefined): string {
  if (value === null || value === undefined) return '–';
  if (value < 1 / 60) return 'under 1 min';
  if (value < 1) return `${Math.round(value * 60)} min`;
  return `${decimal.format(value)} h`;
}

/** How long ago, short: `now`, `40 s`, `12 min`, `3 h`, `5 d`, then the date. */
export function ago(at: string | null | undefined, now: number): string {
  if (!at) return 'never';
  const seconds = Math.round((now - Date.parse(at)) / 1000);
  if (Number.isNaN(seconds)) return '–';
  if (seconds < 5) return 'now';
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h`;
  if (seconds < 30 * 86_400) return `${Math.floor(seconds / 86_400)} d`;
  return new Date(at).toLocaleDateString('en-US', { month: 'short', day: 'numeric', year: 'numeric' });
}

/** The same in a sentence or beside a word: `now`, `12 min ago`. */
export function longAgo(at: string | null | undefined, now: number): string {
  const text = ago(at, now);
  return /^\d+ (s|min|h|d)$/.test(text) ? `${text} ago` : text;
}

/** The time of day, for lists of one day. */
export const clock = (at: string): string =>
  new Date(at).toLocaleTimeString('en-US', {
    hour12: false,
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  });

/** Date and time in the reader's zone. */
export const dateTime = (at: string): string =>
  new Date(at).toLocaleString('en-US', { dateStyle: 'medium', timeStyle: 'short' });

/** The same to the second: for trails, where order and moment count. */
export const dateTimeExact = (at: string): string =>
  new Date(at).toLocaleString('en-US', { dateStyle: 'medium', timeStyle: 'medium' });

export const day = (at: string): string =>
  new Date(at).toLocaleDateString('en-US', { month: 'short', day: 'numeric' });

/** `1,234`, `12.3 k`, `4.5 M`. */
export function count(value: number | null | undefined): string {
  if (value === null || value === undefined) return '–';
  if (Math.abs(value) < 10_000) return whole.format(value);
  if (Math.abs(value) < 1e6) return `${decimal.format(value / 1e3)} k`;
  return `${decimal.format(value / 1e6)} M`;
}

/** A metric's value with its unit, as the API names units. */
export function metric(value: number | null, unit: string): string {
  if (value === null) return '–';
  switch (unit) {
    case 'percent':
    case '%':
      return `${decimal.format(value)} %`;
    case 'ratio':
      return `${decimal.format(value * 100)} %`;
    case 'seconds':
    case 's':
      return duration(value * 1000);
    case 'ms':
      return duration(value);
    case 'usd':
      return money(value);
    case 'bytes':
      return bytes(value);
    case 'hours':
      return hours(value);
    default:
      return Number.isInteger(value) ? count(value) : decimal.format(value);
  }
}

export function bytes(value: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  let size = value;
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${decimal.format(size)} ${units[unit]}`;
}

/** `1 task`, `2 tasks`. */
export const plural = (n: number, one: string, many = `${one}s`): string =>
  `${count(n)} ${n === 1 ? one : many}`;

/** Words that are written in capitals, wherever they stand in a name. */
export const initials = (text: string): string =>
  text.replace(/\b(ai|api|cd|ci|css|html|http|id|ml|qa|sql|ui|url|ux)\b/gi, (word) => word.toUpperCase());

/** `technical_lead` as people write it: `Technical lead`. */
export function words(key: string): string {
  const text = initials(key.replace(/[_-]+/g, ' ').trim());
  return text.charAt(0).toUpperCase() + text.slice(1);
}

const ROLES: Record<string, string> = {
  planner: 'Planner',
  technical_lead: 'Technical lead',
  architecture: 'Architect',
  developer: 'Developer',
  reviewer: 'Reviewer',
  developer_devops: 'DevOps developer',
  developer_docs: 'Docs writer',
  developer_qa: 'QA developer',
};

/** A role file's name as its agents are called: `developer_backend` is a `Backend developer`. */
export function roleName(role: string): string {
  const field = /^developer_(.+)$/.exec(role)?.[1];
  return ROLES[role] ?? (field ? `${words(field)} developer` : words(role));
}

/** A model as it is told from others: of one that is a file, the file's name without its directories. */
export const modelName = (spec: string): string => spec.replace(/^((?:script|gguf):)\S*\/([^/\s]+)$/, '$1$2');

/** What a program says as a sentence of its own: its first letter is a capital, unless it is code or a name with signs. */
export const sentence = (text: string): string =>
  /^[a-z]+[,.;:]?(\s|$)/.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : text;

/** Lines added and removed, one number: `+7,922`. */
export const signed = (n: number, sign: '+' | '−'): string => `${sign}${whole.format(n)}`;

/** The first eight characters of a commit, the last eight of an id: enough to find it again. */
export const short = (id: string): string => (/^[0-9a-f]{12,}$/.test(id) ? id.slice(0, 8) : id.slice(-8));
