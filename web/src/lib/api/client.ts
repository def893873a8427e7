import { honest } from '../clean';
import { ApiError } from './error';
import type { Operation } from './types';

/** Everything lies below it. */
export const BASE = '/api/v1';

export interface Options {
  query?: Record<string, string | number | boolean | null | undefined>;
  body?: unknown;
  /** The version that the change is based on; 412 when it is no longer the newest. */
  ifMatch?: string;
  signal?: AbortSignal;
  /** As it came: for what is shown with its hidden characters made visible. */
  raw?: boolean;
}

export interface Answer<T> {
  data: T;
  etag: string | null;
  status: number;
}

/** Pauses between tries of a GET, in milliseconds. Changes are never sent twice by themselves. */
const RETRIES = [300, 1200];

type Fetch = (input: string, init: RequestInit) => Promise<Response>;

/**
 * The one door to the server: same-origin cookie, `x-aamas-csrf` on changes, an idempotency key on each POST, `ETag`s
 * remembered so that reading again costs nothing, and every failure an `ApiError`.
 */
export class Client {
  private readonly known = new Map<string, { etag: string; data: unknown }>();
  /** Called when the session is no longer valid. */
  onUnauthorized: (() => void) | null = null;
  /** Called with whether the server answered at all. */
  onReach: ((reached: boolean) => void) | null = null;

  constructor(
    private readonly fetcher: Fetch = (input, init) => fetch(input, init),
    private readonly pause: (ms: number) => Promise<void> = (ms) => new Promise((r) => setTimeout(r, ms)),
    private readonly key: () => string = () => crypto.randomUUID(),
  ) {}

  get<T>(path: string, options: Options = {}): Promise<T> {
    return this.send<T>('GET', path, options).then((a) => a.data);
  }
  async post<T>(path: string, body?: unknown, options: Options = {}): Promise<T> {
    const answer = await this.send<T>('POST', path, { ...options, body });
    return answer.status === 202 ? this.settle<T>(answer.data) : answer.data;
  }
  patch<T>(path: string, body: unknown, options: Options = {}): Promise<T> {
    return this.send<T>('PATCH', path, { ...options, body }).then((a) => a.data);
  }
  put<T>(path: string, body: unknown, options: Options = {}): Promise<T> {
    return this.send<T>('PUT', path, { ...options, body }).then((a) => a.data);
  }
  delete<T = void>(path: string, body?: unknown): Promise<T> {
    return this.send<T>('DELETE', path, { body }).then((a) => a.data);
  }
  /** The last `ETag` that a GET of this path gave, for `If-Match`. */
  etag(path: string): string | undefined {
    return this.known.get(BASE + path)?.etag;
  }
  /** Forgets what was read: another person or organization is signed in. */
  forget(): void {
    this.known.clear();
  }

  /** A long operation: asks what it came to until it has ended. */
  private async settle<T>(data: unknown): Promise<T> {
    const id = (data as { operation_id?: string } | null)?.operation_id;
    if (!id) return data as T;
    for (let wait = 400; ; wait = Math.min(wait * 1.5, 5000)) {
      await this.pause(wait);
      const operation = await this.get<Operation>(`/operations/${encodeURIComponent(id)}`);
      if (operation.status === 'done') return operation.result as T;
      if (operation.status === 'failed') {
        const e = operation.error;
        throw new ApiError(
          500,
          e?.code ?? 'failed',
          'It did not work',
          e?.message ?? 'No reason was given.',
          e?.hint ?? '',
          id,
        );
      }
    }
  }

  async send<T>(method: string, path: string, options: Options): Promise<Answer<T>> {
    const url = BASE + path + queryString(options.query);
    const headers: Record<string, string> = { accept: 'application/json' };
    const known = method === 'GET' ? this.known.get(url) : undefined;
    if (known) headers['if-none-match'] = known.etag;
    if (method !== 'GET') headers['x-aamas-csrf'] = '1';
    if (method === 'POST') headers['idempotency-key'] = this.key();
    if (options.ifMatch) headers['if-match'] = options.ifMatch;
    const init: RequestInit = { method, headers, credentials: 'same-origin', cache: 'no-store' };
    if (options.signal) init.signal = options.signal;
    if (options.body !== undefined) {
      headers['content-type'] = 'application/json';
      init.body = JSON.stringify(options.body);
    }
    const response = await this.fetchWithRetries(url, init);
    if (response.status === 304 && known) return { data: known.data as T, etag: known.etag, status: 304 };
    const data = await read(response, options.raw ?? false);
    if (!response.ok) {
      if (response.status === 401) this.onUnauthorized?.();
      throw ApiError.from(response.status, data, response.headers.get('x-request-id'));
    }
    const etag = response.headers.get('etag');
    if (method === 'GET' && etag) this.known.set(url, { etag, data });
    return { data: data as T, etag, status: response.status };
  }

  private async fetchWithRetries(url: string, init: RequestInit): Promise<Response> {
    for (let attempt = 0; ; attempt++) {
      try {
        const response = await this.fetcher(url, init);
        this.onReach?.(true);
        if (response.status === 429 && attempt < 1 && init.method === 'GET') {
          await this.pause(retryAfter(response));
          continue;
        }
        return response;
      } catch (error) {
        if (init.signal?.aborted) throw error;
        const pause = init.method === 'GET' ? RETRIES[attempt] : undefined;
        if (pause === undefined) {
          this.onReach?.(false);
          throw ApiError.network();
        }
        await this.pause(pause);
      }
    }
  }
}

/** How long the server asks to wait, in milliseconds: 1 s if it doesn't say, 10 s at most. */
function retryAfter(response: Response): number {
  const seconds = Number(response.headers.get('retry-after') ?? 1);
  return Math.min(10, Number.isFinite(seconds) && seconds > 0 ? seconds : 1) * 1000;
}

/** `?a=1&b=2`, without what is undefined, null or empty. */
export function queryString(query: Options['query']): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined && value !== null && value !== '') params.set(name, String(value));
  }
  const text = params.toString();
  return text ? `?${text}` : '';
}

async function read(response: Response, raw: boolean): Promise<unknown> {
  if (response.status === 204 || response.status === 304) return undefined;
  const text = await response.text();
  const type = response.headers.get('content-type') ?? '';
  if (!type.includes('json')) return text;
  try {
    const value: unknown = JSON.parse(text);
    return raw ? value : honest(value);
  } catch {
    return undefined;
  }
}

export const client = new Client();
