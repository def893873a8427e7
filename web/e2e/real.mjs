// The whole way in a real browser against a real server, which is started for it: first start, repository, tasks, review, merge,
// a server that is killed under an open page, a person who has no mouse, and every page in the dark, on a phone and by axe.
// npm run e2e:real, or `scripts/web real`. AAMAS_BIN: the program. AAMAS_E2E_KEEP=1 leaves its directory behind.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import WebSocket from 'ws';
import { axe } from './axe.mjs';
import { launch } from './browser.mjs';
import { call, finish, git, start, write } from './server.mjs';

const binary = process.env.AAMAS_BIN ?? process.argv[2];
if (!binary) {
  console.error('usage: AAMAS_BIN=target/debug/aamas npm run e2e:real');
  process.exit(2);
}
/** How long a task may take, gates included, in milliseconds: a debug build on a busy machine. */
const TASK_MS = 120_000;
const WAIT_MS = 30_000;
const PERSON = { name: 'Ada Lovelace', email: 'ada@example.com', password: 'long enough to keep' };

const began = Date.now();
const server = await start(binary);
const browser = await launch();
/** What must not happen anywhere on the way, by the step that it happened in. */
const wrong = [];
let here = 'start';
/** While the server is gone, requests fail: that is what is tried then. */
let away = false;

async function open({ theme = 'light', width = 1440, state } = {}) {
  const context = await browser.newContext({
    viewport: { width, height: 900 },
    colorScheme: theme,
    reducedMotion: 'reduce',
    ...(state ? { storageState: state } : {}),
  });
  const page = await context.newPage();
  page.setDefaultTimeout(WAIT_MS);
  page.on('pageerror', (e) => wrong.push(`${here}: page: ${e.message}`));
  page.on('console', (m) => {
    if (m.type() !== 'error' || away) return;
    // A refused request is told apart below, with its status.
    if (!/Failed to load resource/.test(m.text())) wrong.push(`${here}: console: ${m.text()}`);
  });
  page.on('response', (r) => {
    const path = r.url().replace(server.origin, '');
    // Who asks before the sign-in is told that there is no session: that is the question.
    if (r.status() === 401 && path === '/api/v1/session') return;
    if (r.status() >= 400) wrong.push(`${here}: ${r.status()} ${r.request().method()} ${path}`);
  });
  page.on('request', (r) => {
    if (!/^(data|blob):/.test(r.url()) && !r.url().startsWith(server.origin))
      wrong.push(`${here}: foreign request: ${r.url()}`);
  });
  return { context, page, go: (path) => page.goto(server.origin + path) };
}

const step = async (name, act) => {
  here = name;
  const from = Date.now();
  const result = await act();
  console.log(`ok    ${name} (${Date.now() - from} ms)`);
  return result;
};
const { context, page, go } = await open();
const button = (name, where = page) => where.getByRole('button', { name, exact: true });
const lines = (where = page) => where.getByRole('log', { name: 'Transcript' });
const live = (where = page) =>
  where.getByRole('complementary').getByRole('status').getByText('Live', { exact: true }).waitFor();
/** What axe finds on the page as it stands. */
const accessible = async (where = page, only = undefined) => {
  for (const found of await axe(where, only)) wrong.push(`${here}: ${found}`);
};
/** Asks the API as the page would: with its session. */
const api = async (method, path, data) => {
  const answer = await context.request.fetch(`${server.origin}/api/v1${path}`, {
    method,
    data,
    headers: { 'x-aamas-csrf': '1' },
  });
  assert.ok(answer.ok(), `${method} ${path}: ${answer.status()} ${await answer.text()}`);
  return answer.json();
};
const taskHere = () => api('GET', `/tasks/${new URL(page.url()).pathname.split('/').pop()}`);
const give = (project, description, model) =>
  api('POST', `/projects/${project}/tasks`, { description, model, solo: true });
/** Waits, on the page of a task, until it has ended well: the page hears of it by itself. */
const ended = (task) =>
  page
    .locator('.strip')
    .getByText('Done', { exact: true })
    .waitFor({ timeout: TASK_MS })
    .catch(async (e) => {
      const { status, error } = await api('GET', `/tasks/${task}`);
      throw new Error(`the task is ${status}: ${error?.message ?? ''} (${e.message.split('\n')[0]})`);
    });
const whole = async (task) => {
  const all = [];
  for (let after = 0; ;) {
    const { items } = await api('GET', `/runs/${task.run_id}/journal?after=${after}&limit=200`);
    if (!items.length) return all;
    all.push(...items);
    after = items.at(-1).seq;
  }
};

/** The ids of a project's events from one to another, as somebody hears them who was not there. */
async function eventsAfter(project, first, last) {
  const { ticket } = await api('POST', '/tickets');
  const socket = new WebSocket(
    `${server.origin.replace('http', 'ws')}/ws/project/${project}/updates?token=${ticket}`,
  );
  const ids = [first];
  await new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`no event ${last} within ${WAIT_MS} ms`)), WAIT_MS);
    socket.on('error', reject);
    socket.on('open', () =>
      socket.send(JSON.stringify({ type: 'subscribe', events: ['*'], last_event_id: first })),
    );
    socket.on('message', (data) => {
      const frame = JSON.parse(String(data));
      if (frame.type === 'event') ids.push(frame.event.id);
      if (frame.event?.id !== last) return;
      clearTimeout(late);
      resolve();
    });
  });
  socket.close();
  return ids;
}

async function firstStart() {
  await step('first start: organization and account', async () => {
    await go(`/setup#link=${server.link}`);
    await page.getByLabel('Organization').fill('Harbor');
    await accessible();
    await page.getByLabel('Your name').fill(PERSON.name);
    await page.getByLabel('E-mail').fill(PERSON.email);
    await page.getByLabel('Password').fill(PERSON.password);
    await button('Set up').click();
  });
  const project = await step('first start: repository and model', async () => {
    await page.getByLabel('Address or path').fill(server.repository);
    await accessible();
    await button('Add the repository').click();
    await page.getByRole('radio', { name: /^Offline engine/ }).check();
    await accessible();
    await button('Use this model').click();
    await page.getByText('calculator is ready').waitFor();
    const { items } = await api('GET', '/projects');
    assert.equal(items.length, 1);
    return items[0].id;
  });
  await step('first start: a task, watched until the failing test passes', async () => {
    await page.getByLabel('What is to be done?').fill('Fix add in calc.py: tests/test_calc.py fails');
    await button('Give the task').click();
    await page.waitForURL(/\/tasks\//);
    await live();
    const { id } = await taskHere();
    await ended(id);
    await lines().getByText('searches for a repair').waitFor();
    await lines().getByText('Gates let the change through').waitFor();
    await page.getByRole('link', { name: 'Review the change' }).waitFor();
  });
  return project;
}

/** A change goes back with comments, and what the agents made of them is approved and merged. */
async function conversation(project) {
  const model = server.model('notes', [write('notes.txt', 'one\ntwo\n'), finish('Write the notes')]);
  const first = await step('a task is watched to its end', async () => {
    const task = await give(project, 'Write the notes', model);
    await go(`/tasks/${task.id}`);
    await ended(task.id);
    await lines().locator('[data-row]').first().waitFor();
    return api('GET', `/tasks/${task.id}`);
  });
  const second = await step('a comment on a line goes back, and the agents answer it', async () => {
    server.model('notes', [write('notes.txt', 'one\ntwo\nthree\n'), finish('Write three notes')]);
    await go(`/reviews/${first.pull_request_id}`);
    await page.getByText('two', { exact: true }).first().waitFor();
    await page.keyboard.press('j');
    await page.keyboard.press('c');
    await page.getByRole('textbox', { name: /^Comment on notes.txt, line/ }).fill('Say three as well.');
    await page.keyboard.press('Control+Enter');
    await page.getByText('Say three as well.').first().waitFor();
    await page.getByRole('button', { name: /^Request changes/ }).click();
    await button('Send to the agents').click();
    await page.waitForURL(/\/tasks\//);
    const task = await taskHere();
    assert.notEqual(task.id, first.id);
    await ended(task.id);
    return api('GET', `/tasks/${task.id}`);
  });
  await step('the answer is found, approved, and merged by its title', async () => {
    // From the change that was commented on one is led to the one that answers it.
    await go(`/reviews/${first.pull_request_id}`);
    await page.getByText('decide on that one').getByRole('link').click();
    await page.getByText('It answers the comments on').waitFor();
    await page.getByText('three', { exact: true }).first().waitFor();
    await button('Approve').click();
    await page.getByText('Approved.', { exact: true }).waitFor();
    await button('Merge…').click();
    const dialog = page.getByRole('dialog', { name: 'Merge into main?' });
    await dialog.waitFor();
    await accessible();
    assert.equal(await button('Merge', dialog).isDisabled(), true);
    const pull = await api('GET', `/pull-requests/${second.pull_request_id}`);
    await dialog.getByRole('textbox').fill(pull.title);
    await button('Merge', dialog).click();
    await page.locator('.strip').getByText('Merged', { exact: true }).waitFor();
    const after = await api('GET', `/pull-requests/${second.pull_request_id}`);
    assert.deepEqual([after.status, after.approvals.length], ['merged', 1]);
    assert.equal(git(server.repository, 'show', 'main:notes.txt'), 'one\ntwo\nthree');
  });
  return first;
}

/** The server dies under an open page, and comes back: nothing is asked of the reader. */
async function outage(project) {
  const model = server.model('long', [
    write('long.txt', 'begun\n'),
    server.waits('first'),
    server.waits('second'),
    write('long.txt', 'ended\n'),
    finish('Wait and see'),
  ]);
  const task = await give(project, 'Wait, and see', model);
  /** Events as the page heard them, in order, over all of its connections. */
  const heard = [];
  page.on('websocket', (socket) =>
    socket.on('framereceived', ({ payload }) => {
      const frame = JSON.parse(String(payload));
      if (frame.type === 'event') heard.push(frame.event);
    }),
  );
  await step('the server is killed under an open page: the page says so', async () => {
    await go(`/tasks/${task.id}`);
    await live();
    server.open('first');
    // Its second command is under way.
    await lines()
      .locator('[data-row]', { hasText: 'second' })
      .getByText('running')
      .first()
      .waitFor({ timeout: TASK_MS });
    away = true;
    await server.kill();
    await page
      .getByRole('complementary')
      .getByText(/Catching up|Offline since/)
      .waitFor();
    assert.equal(
      await lines().locator('[data-row]', { hasText: 'second' }).count(),
      1,
      'what was read stays',
    );
  });
  await step('the server comes back: the page goes on by itself, and lost and doubled nothing', async () => {
    // What happens before the page is back, it must still be told.
    server.open('second');
    await server.up();
    await live();
    away = false;
    await ended(task.id);
    await lines().getByText('Ready', { exact: true }).waitFor();
    const { run_id } = await api('GET', `/tasks/${task.id}`);
    const journal = await whole({ run_id });
    assert.ok(
      journal.some((e) => e.kind === 'resumed' || e.kind === 'restored'),
      'the run was cut off',
    );
    const rows = () => lines().locator('[data-row]').allInnerTexts();
    const count = journal.length;
    const lived = await rows();
    assert.equal(
      lived.filter((r) => /second/.test(r)).length,
      1,
      'the command that was cut off stands there once',
    );
    const ids = heard.map((e) => e.id);
    assert.equal(new Set(ids).size, ids.length, 'an event came twice');
    assert.deepEqual(
      ids,
      await eventsAfter(project, ids[0], ids.at(-1)),
      'events were lost, or came out of order',
    );
    assert.equal(heard.at(-1).type, 'dev.aamas.run.ready');
    await page.reload();
    await lines().getByText('Ready', { exact: true }).waitFor();
    // Times that a reader sees are of the entries, so both say the same.
    assert.deepEqual(
      lived,
      await rows(),
      `what was lived through is not what is read anew (${count} entries)`,
    );
  });
  return api('GET', `/tasks/${task.id}`);
}

/** From the sign-in to the merge with nothing but keys. */
async function keyboardOnly(task) {
  const pull = await api('GET', `/pull-requests/${task.pull_request_id}`);
  const person = await open();
  const { keyboard } = person.page;
  const p = person.page;
  const focused = () =>
    p.evaluate(() => {
      const at = document.activeElement;
      return `${at?.getAttribute('aria-label') ?? at?.labels?.[0]?.textContent ?? at?.textContent ?? ''}`.trim();
    });
  const until = async (key, want) => {
    for (let i = 0; i < 60; i++) {
      if (want.test(await focused())) return;
      await keyboard.press(key);
    }
    assert.fail(`${key} does not lead to ${want}: it ends at “${await focused()}”`);
  };
  await step('without a mouse: sign in', async () => {
    await person.go('/sign-in');
    await p.waitForFunction(() => document.activeElement?.id === 'email');
    await accessible(p);
    await keyboard.type(PERSON.email);
    await keyboard.press('Tab');
    await keyboard.type(PERSON.password);
    await keyboard.press('Enter');
    await p.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
    // The first stop is the way past the menu.
    await p.evaluate(() => document.activeElement?.blur());
    await keyboard.press('Tab');
    assert.equal(await focused(), 'Skip to the content');
  });
  await step('without a mouse: read, comment, approve', async () => {
    await keyboard.press('g');
    await keyboard.press('r');
    await p.getByRole('heading', { name: 'Reviews', level: 1 }).waitFor();
    await p.locator('[data-row]', { hasText: pull.title }).waitFor();
    await until('j', new RegExp(`^${pull.title}$`));
    await keyboard.press('o');
    await p.getByRole('heading', { name: pull.title, level: 1 }).waitFor();
    await p.getByText('ended', { exact: true }).first().waitFor();
    await keyboard.press('j');
    await keyboard.press('c');
    await p.waitForFunction(() =>
      /^Comment on/.test(document.activeElement?.getAttribute('aria-label') ?? ''),
    );
    await keyboard.type('Seen with keys alone.');
    await keyboard.press('Control+Enter');
    await p.getByText('Seen with keys alone.').first().waitFor();
    await p.waitForFunction(() => document.activeElement?.tagName !== 'TEXTAREA');
    await keyboard.press('a');
    await p.getByText('Approved.', { exact: true }).waitFor();
  });
  await step('without a mouse: merge', async () => {
    await keyboard.press('.');
    await p.getByRole('dialog', { name: 'Actions' }).waitFor();
    await keyboard.type('merge');
    await keyboard.press('Enter');
    await p.getByRole('dialog', { name: 'Merge into main?' }).waitFor();
    await p.waitForFunction(() => document.activeElement?.id === 'confirm-phrase');
    await keyboard.type(pull.title);
    await keyboard.press('Enter');
    await p.locator('.strip').getByText('Merged', { exact: true }).waitFor();
    assert.equal(git(server.repository, 'show', 'main:long.txt'), 'ended');
  });
  await person.context.close();
}

/** A plan that waits is changed by a person, and what is built is the plan that they wrote. */
async function plan() {
  const { id } = await api('POST', '/projects', { name: 'Planned', repository_url: server.planned });
  const planned = (title, text) => ({
    summary: 'Say it in a file.',
    title,
    steps: [{ id: 'say', title: text, role: 'developer', depends_on: [], acceptance: ['the file is there'] }],
    effort_hours: 1,
    risks: [],
  });
  const model = server.model('plan', {
    planner: [call('submit_plan', planned('Say it', 'Write hello.txt'))],
    architecture: [call('submit_review', { verdict: 'approve', summary: 'Fits.', comments: [] })],
    builder: [write('hello.txt', 'hello\nhello\n'), finish('Say it twice')],
    reviewer: [call('submit_review', { verdict: 'approve', summary: 'Good.', comments: [] })],
  });
  const task = await step('a plan waits for its approval', async () => {
    await go(`/projects/${id}`);
    await page.locator('.strip').getByText('Active', { exact: true }).waitFor();
    const given = await api('POST', `/projects/${id}/tasks`, { description: 'Say hello', model });
    await go(`/tasks/${given.id}`);
    await page.getByText('The plan waits for your approval.').waitFor({ timeout: TASK_MS });
    return given;
  });
  await step('the plan is edited, and built as it stands', async () => {
    await button('Edit the plan…').click();
    const dialog = page.getByRole('dialog', { name: 'Edit the plan' });
    await dialog.getByLabel('Title of the pull request').fill('Say it twice');
    await dialog.getByLabel('What is to be done').fill('Write hello.txt, twice');
    await accessible();
    await button('Save and approve', dialog).click();
    await dialog.waitFor({ state: 'detached' });
    await lines().getByText('You edited the plan').waitFor({ timeout: TASK_MS });
    await page
      .getByRole('listitem')
      .filter({ hasText: 'Write hello.txt, twice' })
      .first()
      .waitFor({ timeout: TASK_MS });
    await ended(task.id);
    const { pull_request_id } = await api('GET', `/tasks/${task.id}`);
    const pull = await api('GET', `/pull-requests/${pull_request_id}`);
    assert.equal(pull.title, 'Say it twice');
    assert.equal(git(server.planned, 'show', `${pull.branch}:hello.txt`), 'hello\nhello');
  });
}

/** A run is decided again from its record, and taken along. */
async function record(task) {
  await step('a run is replayed the same, and exported', async () => {
    await go(`/tasks/${task.id}`);
    const panel = page.getByRole('region', { name: 'Record' });
    await button('Replay and compare', panel).click();
    await panel.getByText(/^The same again/).waitFor();
    for (const [title, says] of [
      ['Report', /<html/i],
      ['Trajectory', /"schema_version"/],
      ['Journal', /"seq":1\b/],
      ['Attestation', /"payloadType"/],
    ]) {
      const download = page.waitForEvent('download');
      await button(title, panel).click();
      assert.match(readFileSync(await (await download).path(), 'utf8'), says, title);
    }
  });
}

async function pages(project, first) {
  const { organization } = await api('GET', '/session');
  const agents = (await api('GET', '/agents?limit=200')).items;
  const figures = await api('GET', `/analytics/dashboard/${organization.id}?timeframe=7d`);
  const fact = figures.panels.flatMap((p) => p.metrics).find((m) => m.facts.count > 0);
  const paths = [
    '/',
    '/board',
    '/board?view=table',
    `/tasks/${first.id}`,
    `/runs/${first.run_id}`,
    '/reviews',
    `/reviews/${first.pull_request_id}`,
    '/projects',
    `/projects/${project}`,
    '/agents',
    `/agents/${first.assigned_agent ?? agents[0].id}`,
    '/cost',
    '/audit',
    '/audit/decisions',
    `/facts?of=Facts&query=${encodeURIComponent(fact.facts.query)}`,
    '/settings',
    '/settings/members',
    '/settings/tokens',
    '/settings/policies',
    '/settings/models',
    '/settings/account',
  ];
  const state = await context.storageState();
  for (const width of [1440, 390])
    await step(`every page, ${width} pixels wide, light and dark`, async () => {
      const reader = await open({ width, state });
      for (const path of paths) {
        here = `${path.split('?')[0]}, ${width}`;
        await reader.go(path);
        await reader.page.getByRole('heading', { level: 1 }).waitFor();
        await reader.page.waitForFunction(() => !document.querySelector('main .loading'));
        const said = await reader.page.locator('body').innerText();
        for (const m of said.matchAll(/.{0,30}(\bundefined\b|\bNaN\b|Invalid Date|\[object ).{0,30}/g))
          wrong.push(`${here}: text: ${m[0]}`);
        for (const alert of await reader.page.getByRole('alert').allInnerTexts())
          if (alert.trim()) wrong.push(`${here}: alert: ${alert.split('\n')[0]}`);
        const over = await reader.page.evaluate(
          () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        );
        if (over > 0) wrong.push(`${here}: the page is ${over} px too wide`);
        await accessible(reader.page);
        here += ', dark';
        await reader.page.emulateMedia({ colorScheme: 'dark', reducedMotion: 'reduce' });
        await reader.page.waitForFunction(() => {
          const back = getComputedStyle(document.documentElement).backgroundColor;
          return Math.max(...back.match(/\d+/g).slice(0, 3).map(Number)) < 64;
        });
        await accessible(reader.page, ['color-contrast']);
        await reader.page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
      }
      await reader.context.close();
    });
  await step('the audit holds', async () => {
    await go('/audit');
    await page.getByRole('button', { name: /^Verify/ }).click();
    await page.getByText(/are as they were written/).waitFor();
  });
}

let failed = false;
try {
  const project = await firstStart();
  const first = await conversation(project);
  const cut = await outage(project);
  await keyboardOnly(cut);
  await record(cut);
  await plan();
  await pages(project, first);
} catch (error) {
  failed = true;
  const shot = join(server.root, 'failed.png');
  await page.screenshot({ path: shot, fullPage: true }).catch(() => {});
  console.log(`FAIL  ${here}\n      ${String(error.stack).split('\n').slice(0, 24).join('\n      ')}`);
  console.log(`      the page: ${shot}\n      the server: ${server.log}`);
}
for (const line of new Set(wrong)) console.log(`WRONG ${line}`);
await browser.close();
failed ||= wrong.length > 0;
await server.close({ keep: failed || process.env.AAMAS_E2E_KEEP === '1' }).catch((error) => {
  failed = true;
  console.log(`FAIL  the end: ${error.message}`);
});
console.log(`${failed ? 'failed' : 'passed'} in ${Math.round((Date.now() - began) / 1000)} s`);
process.exit(failed ? 1 : 0);
