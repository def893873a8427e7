// The dashboard's server without the server: hands out build/, and answers the HTTP API from memory, so that the whole UI
// runs without Rust. `?scenario=NAME` on any page (kept in a cookie) or MOCK_SCENARIO chooses the facts:
// team (default), empty, one, many, long, setup, out (signed out), viewer, error, slow, offline (writes and reads fail).
import { createReadStream, existsSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createHash, randomUUID } from 'node:crypto';
import { WebSocketServer } from 'ws';
import { routes } from './routes.mjs';
import { PERMISSIONS, world } from './world.mjs';
import { liveEntries } from './journal.mjs';

const BUILD = join(fileURLToPath(new URL('.', import.meta.url)), '..', 'build');
const PORT = Number(process.env.PORT ?? 8099);
const TICK = Number(process.env.MOCK_TICK_MS ?? 1500);
const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
  '.png': 'image/png',
};
const worlds = new Map();
const sockets = new Set();

function scenarioOf(request, url) {
  return (
    url.searchParams.get('scenario') ??
    /mock_scenario=(\w+)/.exec(request.headers.cookie ?? '')?.[1] ??
    process.env.MOCK_SCENARIO ??
    'team'
  );
}

function worldOf(name) {
  if (!worlds.has(name)) {
    const w = world(
      name === 'error' || name === 'slow' || name === 'offline' || name === 'viewer' ? 'team' : name,
    );
    w.name = name;
    if (name === 'out') w.signedIn = false;
    if (name === 'viewer') {
      w.role = 'viewer';
      w.organization.role = 'viewer';
    }
    w.permissions = PERMISSIONS[w.role];
    w.events = [];
    w.emit = (type, subject, data) => {
      const event = {
        specversion: '1.0',
        id: w.id('event'),
        source: 'aamas',
        type: `dev.aamas.${type}`,
        subject,
        time: new Date().toISOString(),
        data,
      };
      w.events.push(event);
      for (const s of sockets)
        if (s.world === w && s.project === data.project_id && s.subscribed)
          s.send(JSON.stringify({ type: 'event', event }));
    };
    worlds.set(name, w);
    live(w);
  }
  return worlds.get(name);
}

/** The first task that works goes on while someone looks. */
function live(w) {
  const task = w.tasks.find((t) => t.status === 'working');
  if (!task || !TICK) return;
  const journal = w.journals.get(task.run_id);
  const turn = Math.max(...journal.filter((e) => e.attempt === 4 && e.entry.turn).map((e) => e.entry.turn));
  const next = liveEntries(turn);
  setInterval(() => {
    if (task.status !== 'working' || ![...sockets].some((s) => s.world === w) || journal.length > 6000)
      return;
    const [attempt, entry] = next.next().value;
    const seq = journal.at(-1).seq + 1;
    journal.push({ seq, attempt, at: new Date().toISOString(), kind: entry.entry, entry });
    if (entry.cost) {
      task.cost_usd += entry.cost / 1e9;
      w.runs.get(task.run_id).usage.cost_usd = task.cost_usd;
      w.runs.get(task.run_id).turns += 1;
    }
    w.emit('run.progressed', task.run_id, {
      project_id: task.project_id,
      task_id: task.id,
      run_id: task.run_id,
      seq,
    });
  }, TICK).unref();
}

function problem(response, status, code, title, detail, hint = '', errors) {
  const request_id = randomUUID().slice(0, 13);
  response.writeHead(status, { 'content-type': 'application/problem+json', 'x-request-id': request_id });
  response.end(
    JSON.stringify({
      type: `urn:aamas:problem:${code}`,
      title,
      status,
      detail,
      code,
      hint,
      request_id,
      ...(errors ? { errors } : {}),
    }),
  );
}

async function api(request, response, url, w) {
  const path = url.pathname.slice('/api/v1'.length);
  if (w.name === 'slow') await new Promise((r) => setTimeout(r, 2500));
  if (w.name === 'offline' && path !== '/setup' && path !== '/session') return request.socket.destroy();
  if (w.name === 'error' && !['/setup', '/session'].includes(path))
    return problem(
      response,
      500,
      'internal',
      'Something went wrong inside',
      'The store did not answer within 5 s.',
      'Try again; if it stays, look for the id in the log of `aamas serve`.',
    );
  const open =
    path === '/setup' || path === '/session' || path === '/session/link' || path === '/invitations/accept';
  if (!open && !w.signedIn)
    return problem(
      response,
      401,
      'unauthorized',
      'Sign in first',
      'The request has no valid session.',
      'Sign in again.',
    );
  if (request.method !== 'GET' && !request.headers['x-aamas-csrf'])
    return problem(
      response,
      403,
      'csrf',
      'The request could come from another site',
      'x-aamas-csrf is missing.',
    );
  let body;
  if (request.method !== 'GET') {
    let text = '';
    for await (const chunk of request) text += chunk;
    body = text ? JSON.parse(text) : undefined;
  }
  for (const [method, pattern, handler] of routes) {
    if (method !== request.method) continue;
    const match = pattern.exec(path);
    if (!match) continue;
    const fail = (status, code, title, detail, hint, errors) => ({
      status,
      problem: { code, title, detail, hint, errors },
    });
    const answer = handler(
      { w, body, query: url.searchParams, fail },
      ...match.slice(1).map(decodeURIComponent),
    ) ?? { status: 204 };
    if (answer.problem)
      return problem(
        response,
        answer.status,
        answer.problem.code,
        answer.problem.title,
        answer.problem.detail,
        answer.problem.hint,
        answer.problem.errors,
      );
    const status = answer.status ?? 200;
    if (status === 204) return response.writeHead(204).end();
    const text = answer.text ?? JSON.stringify(answer.data);
    const etag = `"${createHash('sha1').update(text).digest('hex').slice(0, 16)}"`;
    const headers = {
      'content-type': answer.text === undefined ? 'application/json' : 'text/plain; charset=utf-8',
      etag,
      'x-request-id': randomUUID().slice(0, 13),
      'cache-control': 'no-store',
      ...answer.headers,
    };
    if (request.method === 'GET' && request.headers['if-none-match'] === etag)
      return response.writeHead(304, headers).end();
    return response.writeHead(status, headers).end(text);
  }
  problem(
    response,
    404,
    'not_found',
    'There is no such thing',
    `${request.method} ${path} is not known here.`,
  );
}

// What the real server would send with each page: the policy that the build wrote into it, and what only a header can say.
const csp = (html) =>
  `${/http-equiv="content-security-policy" content="([^"]+)"/.exec(html)?.[1]}; frame-ancestors 'none'`;

function file(response, url, scenario) {
  let path = join(BUILD, normalize(decodeURIComponent(url.pathname)));
  const exists = path.startsWith(BUILD) && existsSync(path) && statSync(path).isFile();
  if (!exists) {
    if (/\.\w+$/.test(url.pathname)) return problem(response, 404, 'not_found', 'No such file', url.pathname);
    path = join(BUILD, 'index.html');
  }
  if (!existsSync(path))
    return response.writeHead(503, { 'content-type': 'text/plain' }).end('Run `npm run build` first.\n');
  const headers = {
    'content-type': TYPES[extname(path)] ?? 'application/octet-stream',
    'x-content-type-options': 'nosniff',
    'cache-control': url.pathname.includes('/immutable/')
      ? 'public, max-age=31536000, immutable'
      : 'no-cache',
  };
  if (path.endsWith('.html')) {
    headers['content-security-policy'] = csp(readFileSync(path, 'utf8'));
    if (url.searchParams.get('scenario'))
      headers['set-cookie'] = `mock_scenario=${scenario}; Path=/; SameSite=Lax`;
  }
  response.writeHead(200, headers);
  createReadStream(path).pipe(response);
}

export function start(port = PORT) {
  const server = createServer((request, response) => {
    const url = new URL(request.url, 'http://localhost');
    const scenario = scenarioOf(request, url);
    if (url.pathname.startsWith('/api/'))
      api(request, response, url, worldOf(scenario)).catch((e) =>
        problem(response, 400, 'invalid_request', 'The request can’t be read', e.message),
      );
    else file(response, url, scenario);
  });
  const wss = new WebSocketServer({ noServer: true });
  server.on('upgrade', (request, socket, head) => {
    const url = new URL(request.url, 'http://localhost');
    const project = /^\/ws\/project\/([^/]+)\/updates$/.exec(url.pathname)?.[1];
    const w = worldOf(scenarioOf(request, url));
    if (!project || !w.signedIn || w.name === 'offline' || w.name === 'error') return socket.destroy();
    wss.handleUpgrade(request, socket, head, (ws) => {
      ws.world = w;
      ws.project = project;
      sockets.add(ws);
      ws.on('close', () => sockets.delete(ws));
      ws.on('message', (data) => {
        const frame = JSON.parse(String(data));
        if (frame.type === 'ping') ws.send('{"type":"pong"}');
        if (frame.type === 'subscribe') {
          ws.subscribed = true;
          ws.send(JSON.stringify({ type: 'subscribed', events: frame.events }));
          if (frame.last_event_id) {
            const at = w.events.findIndex((e) => e.id === frame.last_event_id);
            for (const event of w.events.slice(at + 1))
              if (event.data.project_id === project) ws.send(JSON.stringify({ type: 'event', event }));
          }
        }
      });
    });
  });
  return new Promise((resolve) =>
    server.listen(port, '127.0.0.1', () =>
      resolve({
        server,
        port: server.address().port,
        worldOf,
        dropSockets: () => [...sockets].forEach((s) => s.terminate()),
        forget: () => worlds.clear(),
      }),
    ),
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { port } = await start();
  console.log(
    `mock server: http://127.0.0.1:${port}/  (add ?scenario=team|empty|one|many|long|setup|out|viewer|error|slow|offline)`,
  );
}
