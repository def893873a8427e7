// The whole way against a real server, in a real browser: first start, project, task, review, merge, and every page.
// AAMAS_E2E_URL (the server), AAMAS_E2E_LINK (what it printed at its first start, or only the link), AAMAS_E2E_REPO (a git
// repository that the server can read), or as three arguments. npm run e2e:real
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { launch } from './browser.mjs';

const [url, link, repository] = ['URL', 'LINK', 'REPO'].map(
  (name, i) => process.argv[2 + i] ?? process.env[`AAMAS_E2E_${name}`],
);
if (!url || !link || !repository) {
  console.error('usage: AAMAS_E2E_URL=… AAMAS_E2E_LINK=… AAMAS_E2E_REPO=… npm run e2e:real');
  process.exit(2);
}
const ORIGIN = new URL(url).origin;
/** How long a task of a scripted model may take, gates included, in milliseconds. */
const TASK_MS = 120_000;

// A model that answers as it is told: it needs no key and no network. It is read by the server, so both share a machine.
const scripts = mkdtempSync(join(tmpdir(), 'aamas-e2e-'));
const script = (name, answers) => {
  const path = join(scripts, `${name}.json`);
  writeFileSync(path, JSON.stringify({ roles: { builder: answers.map((a) => ({ tool_calls: [a] })) } }));
  return `script:${path}`;
};
const write = (path, content) => ({ name: 'write_file', arguments: { path, content } });
const finish = (title) => ({ name: 'finish', arguments: { summary: `${title}.`, title } });
const model = script('change', [write('notes/e2e.txt', 'one\ntwo\n'), finish('Write the notes')]);

const browser = await launch();
const context = await browser.newContext({
  viewport: { width: 1440, height: 900 },
  reducedMotion: 'reduce',
});
const page = await context.newPage();
page.setDefaultTimeout(20_000);
/** What must not happen anywhere on the way, by the page that it happened on. */
const wrong = [];
let here = 'start';
page.on('pageerror', (e) => wrong.push(`${here}: page: ${e.message}`));
page.on(
  'console',
  (m) =>
    m.type() === 'error' &&
    // A refused request is told apart below, with its status.
    !/Failed to load resource/.test(m.text()) &&
    wrong.push(`${here}: console: ${m.text()}`),
);
page.on('response', (r) => {
  const path = r.url().replace(ORIGIN, '');
  // Who asks before the sign-in is told that there is no session: that is the question.
  if (r.status() === 401 && path === '/api/v1/session') return;
  if (r.status() >= 400) wrong.push(`${here}: ${r.status()} ${r.request().method()} ${path}`);
});
page.on(
  'request',
  (r) =>
    !/^(data|blob):/.test(r.url()) &&
    !r.url().startsWith(ORIGIN) &&
    wrong.push(`${here}: foreign request: ${r.url()}`),
);

const step = async (name, run) => {
  here = name;
  const from = Date.now();
  const result = await run();
  console.log(`ok    ${name} (${Date.now() - from} ms)`);
  return result;
};
const go = (path) => page.goto(ORIGIN + path);
const button = (name, where = page) => where.getByRole('button', { name, exact: true });
/** Asks the API as the page would: with its session. */
const api = async (method, path, data) => {
  const answer = await context.request.fetch(`${ORIGIN}/api/v1${path}`, {
    method,
    data,
    headers: { 'x-aamas-csrf': '1' },
  });
  assert.ok(answer.ok(), `${method} ${path}: ${answer.status()} ${await answer.text()}`);
  return answer.json();
};
const give = async (project, description, more = {}) =>
  api('POST', `/projects/${project}/tasks`, { description, model, solo: true, ...more });
/** Waits, on the page of a task, until it has ended well: the page hears of it by itself. */
const ended = (task) =>
  page
    .locator('.strip')
    .getByText('Done', { exact: true })
    .waitFor({ timeout: TASK_MS })
    .catch(async (e) => {
      const { status, error } = await api('GET', `/tasks/${task}`);
      throw new Error(`task is ${status}: ${error?.message ?? ''} (${e.message.split('\n')[0]})`);
    });

async function way() {
  await step('first start: organization and account', async () => {
    const secret = /link=([^\s&]+)/.exec(link)?.[1] ?? link.trim();
    await go(`/setup#link=${secret}`);
    await page.getByLabel('Organization').fill('Harbor');
    await page.getByLabel('Your name').fill('Ada Lovelace');
    await page.getByLabel('E-mail').fill('ada@example.com');
    await page.getByLabel('Password').fill('long enough to keep');
    await button('Set up').click();
  });
  const project = await step('first start: repository and model', async () => {
    await page.getByLabel('Address or path').fill(repository);
    await button('Add the repository').click();
    await button('Use this model').click();
    await page.getByText(/ is ready/).waitFor();
    const { items } = await api('GET', '/projects');
    assert.equal(items.length, 1);
    return items[0].id;
  });
  const first = await step('a task is watched to its end', async () => {
    const task = await give(project, 'Write the notes of the first task');
    await go(`/tasks/${task.id}`);
    await page.getByRole('heading', { level: 1, name: task.title }).waitFor();
    await ended(task.id);
    await page.getByRole('log', { name: 'Transcript' }).locator('[data-row]').first().waitFor();
    await page.getByRole('complementary').getByText('Live', { exact: true }).waitFor();
    return api('GET', `/tasks/${task.id}`);
  });
  const second = await step('comments go back to the agents', async () => {
    await go(`/reviews/${first.pull_request_id}`);
    await page.getByText('notes/e2e.txt').first().waitFor();
    await page.getByText('two', { exact: true }).first().waitFor();
    await page.keyboard.press('j');
    await page.keyboard.press('c');
    await page.getByRole('textbox', { name: /^Comment on notes\/e2e.txt, line/ }).fill('Say three as well.');
    await page.keyboard.press('Control+Enter');
    await page.getByText('Say three as well.').first().waitFor();
    await page.getByRole('button', { name: /^Request changes/ }).click();
    await button('Send to the agents').click();
    await page.waitForURL(/\/tasks\//);
    const task = await api('GET', `/tasks/${new URL(page.url()).pathname.split('/').pop()}`);
    assert.notEqual(task.id, first.id);
    return task;
  });
  const third = await step('another task, for the merge', async () => {
    const task = await give(project, 'Write the notes of the other task');
    await go(`/tasks/${task.id}`);
    await ended(task.id);
    return api('GET', `/tasks/${task.id}`);
  });
  await step('a change is approved, and merged by its title', async () => {
    await go(`/reviews/${third.pull_request_id}`);
    await button('Approve').click();
    await page.getByText('Approved.', { exact: true }).waitFor();
    await button('Merge…').click();
    const dialog = page.getByRole('dialog');
    assert.equal(await button('Merge', dialog).isDisabled(), true);
    const pull = await api('GET', `/pull-requests/${third.pull_request_id}`);
    await dialog.getByRole('textbox').fill(pull.title);
    await button('Merge', dialog).click();
    await page.locator('.strip').getByText('Merged', { exact: true }).waitFor();
    const after = await api('GET', `/pull-requests/${third.pull_request_id}`);
    assert.equal(after.status, 'merged');
    assert.equal(after.approvals.length, 1);
  });
  const { organization } = await api('GET', '/session');
  const agents = (await api('GET', '/agents?limit=200')).items;
  const figures = await api('GET', `/analytics/dashboard/${organization.id}?timeframe=7d`);
  const fact = figures.panels.flatMap((p) => p.metrics).find((m) => m.facts.count > 0);
  const paths = [
    '/',
    '/board',
    '/board?view=table',
    `/tasks/${first.id}`,
    `/tasks/${second.id}`,
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
  for (const path of paths)
    await step(`page ${path.split('?')[0]}`, async () => {
      await go(path);
      await page.getByRole('heading').first().waitFor();
      await page.locator('main .loading').first().waitFor({ state: 'detached' });
      const text = await page.locator('body').innerText();
      for (const m of text.matchAll(/.{0,30}(\bundefined\b|\bNaN\b|Invalid Date|\[object ).{0,30}/g))
        wrong.push(`${here}: text: ${m[0]}`);
      for (const alert of await page.getByRole('alert').allInnerTexts())
        if (alert.trim()) wrong.push(`${here}: alert: ${alert.split('\n')[0]}`);
    });
  await step('the audit holds', async () => {
    await go('/audit');
    await page.getByRole('button', { name: /^Verify/ }).click();
    await page
      .getByText(/entries/)
      .first()
      .waitFor();
  });
}

let failed = false;
try {
  await way();
} catch (error) {
  failed = true;
  console.log(`FAIL  ${here}\n      ${String(error.message).split('\n').slice(0, 20).join('\n      ')}`);
  if (process.env.AAMAS_E2E_SHOT) await page.screenshot({ path: process.env.AAMAS_E2E_SHOT });
}
await browser.close();
rmSync(scripts, { recursive: true, force: true });
for (const line of new Set(wrong)) console.log(`WRONG ${line}`);
process.exit(failed || wrong.length ? 1 : 0);
