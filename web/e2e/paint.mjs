// How long it takes from an entry of a run's journal to its line on the screen, in a real browser, by hand:
// AAMAS_BIN=… node e2e/paint.mjs [EVENTS A SECOND (10)] [SECONDS (60)]
// From the entry's own time, which is before its commit, to the first frame after the line came into the page: reading the journal,
// the event, the request that it starts and the drawing are all within. The server runs on the same machine, so both read one clock.
import { launch } from './browser.mjs';
import { call, finish, run, start } from './server.mjs';

const TARGET_MS = 300;
const rate = Number(process.argv[2] ?? 10);
const seconds = Number(process.argv[3] ?? 60);
/** Events that a turn brings: the model's answer, and the end of its tool call. */
const PER_TURN = 2;
const turns = Math.round((rate * seconds) / PER_TURN);
const pause = Math.round((1000 * PER_TURN) / rate);

const server = await start(process.env.AAMAS_BIN);
const browser = await launch();
const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
const page = await context.newPage();
const api = async (method, path, data) => {
  const answer = await context.request.fetch(`${server.origin}/api/v1${path}`, {
    method,
    data,
    headers: { 'x-aamas-csrf': '1' },
  });
  if (!answer.ok()) throw new Error(`${method} ${path}: ${answer.status()} ${await answer.text()}`);
  return answer.json();
};

// Each turn reads from a line of its own, which is how its line is known again.
await page.addInitScript(() => {
  const seen = (globalThis.painted = {});
  const look = (text) => {
    const line = /from line (\d+)/.exec(text ?? '')?.[1];
    if (!line || seen[line] !== undefined) return;
    seen[line] = 0;
    // After the frame: a message is handled when the frame that was asked for has been drawn.
    requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => (seen[line] = Date.now());
      port2.postMessage(null);
    });
  };
  new MutationObserver((records) => {
    for (const r of records) for (const node of r.addedNodes) look(node.textContent);
  }).observe(document, { subtree: true, childList: true });
});
const frames = [];
page.on('websocket', (s) =>
  s.on('framereceived', ({ payload }) => {
    if (String(payload).includes('run.progressed')) frames.push(Date.now());
  }),
);
try {
  await api('POST', '/setup', {
    link: server.link,
    organization_name: 'Harbor',
    name: 'Ada',
    email: 'ada@example.com',
    password: 'long enough to keep',
  });
  const { id } = await api('POST', '/projects', { name: 'Paint', repository_url: server.repository });
  const model = server.model('paint', [
    run(`seq ${turns} >lines.txt`),
    ...Array.from({ length: turns }, (_, i) => ({
      ...call('read_file', { path: 'lines.txt', offset: i + 1, limit: 1 }),
      fail: { hang_ms: pause },
    })),
    finish('Read it'),
  ]);
  await page.goto(`${server.origin}/projects/${id}`);
  await page.locator('.strip').getByText('Active', { exact: true }).waitFor();
  const task = await api('POST', `/projects/${id}/tasks`, {
    description: 'Read a file line by line',
    model,
    solo: true,
    max_turns: turns + 10,
  });
  await page.goto(`${server.origin}/tasks/${task.id}`);
  await page
    .locator('.strip')
    .getByText(/^(Done|Failed)$/)
    .waitFor({ timeout: (seconds * 3 + 60) * 1000 });
  const { run_id, status, error } = await api('GET', `/tasks/${task.id}`);
  if (status !== 'completed') throw new Error(`the task is ${status}: ${error?.message}`);
  const written = new Map();
  for (let after = 0; ;) {
    const { items } = await api('GET', `/runs/${run_id}/journal?after=${after}&limit=200`);
    if (!items.length) break;
    after = items.at(-1).seq;
    for (const item of items)
      for (const block of item.entry.blocks ?? []) {
        const line = JSON.parse(block.tool_call?.arguments ?? '{}').offset;
        if (line) written.set(String(line), Date.parse(item.at));
      }
  }
  const painted = await page.evaluate(() => globalThis.painted);
  // What was there before the page was open has no time of its own.
  const opened = frames[0] ?? Infinity;
  const took = [...written]
    .filter(([line, at]) => at > opened && painted[line])
    .map(([line, at]) => painted[line] - at)
    .sort((a, b) => a - b);
  const missing = [...written].filter(([line]) => !painted[line]).length;
  const at = (share) => took[Math.min(took.length - 1, Math.ceil(took.length * share) - 1)];
  const real = ((frames.length - 1) / (frames.at(-1) - frames[0])) * 1000;
  console.log(
    `${took.length} lines, ${real.toFixed(1)} events a second: half within ${at(0.5)} ms, 95 % within ${at(0.95)} ms, ` +
      `99 % within ${at(0.99)} ms, all within ${at(1)} ms (target ${TARGET_MS} ms); ${missing} never seen`,
  );
  process.exitCode = at(0.95) <= TARGET_MS && missing === 0 ? 0 : 1;
} finally {
  await browser.close();
  await server.close();
}
