import { describe, expect, it } from 'vitest';
import { Client, queryString } from './client';
import { ApiError } from './error';

type Seen = { url: string; method: string; headers: Record<string, string>; body?: string };

function fake(answers: (Response | Error)[]) {
  const seen: Seen[] = [];
  const pauses: number[] = [];
  const client = new Client(
    async (url, init) => {
      seen.push({
        url,
        method: String(init.method),
        headers: init.headers as Record<string, string>,
        ...(init.body ? { body: String(init.body) } : {}),
      });
      const next = answers.shift();
      if (!next) throw new Error('no answer left');
      if (next instanceof Error) throw next;
      return next;
    },
    async (ms) => void pauses.push(ms),
    () => 'key-1',
  );
  return { client, seen, pauses };
}

const json = (data: unknown, status = 200, headers: Record<string, string> = {}) =>
  new Response(JSON.stringify(data), { status, headers: { 'content-type': 'application/json', ...headers } });

describe('client', () => {
  it('marks changes, and gives a creation a key', async () => {
    const { client, seen } = fake([json({ id: 'x' }, 201)]);
    expect(await client.post('/projects', { name: 'a' })).toEqual({ id: 'x' });
    expect(seen).toEqual([
      {
        url: '/api/v1/projects',
        method: 'POST',
        headers: {
          accept: 'application/json',
          'x-aamas-csrf': '1',
          'idempotency-key': 'key-1',
          'content-type': 'application/json',
        },
        body: '{"name":"a"}',
      },
    ]);
  });

  it('reads again without cost', async () => {
    const { client, seen } = fake([json([1], 200, { etag: '"1"' }), new Response(null, { status: 304 })]);
    const first = await client.get('/tasks');
    expect(await client.get('/tasks')).toBe(first);
    expect(seen[1]?.headers['if-none-match']).toBe('"1"');
  });

  it('tries a reading again when the network is lost, a change never', async () => {
    const { client, pauses } = fake([new TypeError('x'), new TypeError('x'), json(7)]);
    expect(await client.get('/n')).toBe(7);
    expect(pauses).toEqual([300, 1200]);
    const lost = fake([new TypeError('x')]);
    await expect(lost.client.post('/n')).rejects.toMatchObject({ code: 'network' });
    expect(lost.seen.length).toBe(1);
  });

  it('says what the server said', async () => {
    const problem = {
      type: 'urn:aamas:problem:invalid_request',
      title: 'The request is refused',
      status: 400,
      detail: 'name is empty',
      code: 'invalid_request',
      hint: 'Give a name.',
      errors: [{ field: 'name', message: 'is empty' }],
      request_id: 'r1',
    };
    const { client } = fake([json(problem, 400, { 'content-type': 'application/problem+json' })]);
    const error = await client.patch('/projects/x', {}).catch((e: unknown) => e as ApiError);
    expect(error).toMatchObject({ code: 'invalid_request', hint: 'Give a name.', requestId: 'r1' });
    expect((error as ApiError).field('name')).toBe('is empty');
    const page = fake([new Response('<html>', { status: 502, headers: { 'x-request-id': 'r2' } })]);
    await expect(page.client.patch('/x', {})).rejects.toMatchObject({ code: 'http_502', requestId: 'r2' });
  });

  it('waits for a long operation', async () => {
    const { client, seen } = fake([
      json({ operation_id: 'op_1' }, 202),
      json({ status: 'running' }),
      json({ status: 'done', result: { merged: true } }),
    ]);
    expect(await client.post('/pull-requests/p/merge', { confirm: 't' })).toEqual({ merged: true });
    expect(seen.map((s) => s.url)).toEqual([
      '/api/v1/pull-requests/p/merge',
      '/api/v1/operations/op_1',
      '/api/v1/operations/op_1',
    ]);
  });

  it('leaves out what is not asked', () => {
    expect(queryString({ a: 1, b: undefined, c: '', d: null, e: false })).toBe('?a=1&e=false');
    expect(queryString({})).toBe('');
  });
});
