// The dashboard in a real browser against the mock server: flows, keyboard, contrast, and what must not happen.
// npm run e2e [-- WORDS OF A TEST]
import { readFileSync } from 'node:fs';
import assert from 'node:assert/strict';
import { axe } from './axe.mjs';
import { launch } from './browser.mjs';
import { pages } from './pages.mjs';

process.env.MOCK_TICK_MS ??= '400';
const { start } = await import('../mock/server.mjs');
const mock = await start(0);
const ORIGIN = `http://127.0.0.1:${mock.port}`;
const browser = await launch();
const tests = [];
const test = (name, run, options = {}) => tests.push({ name, run, options });

/** A fresh browser and fresh facts for each test; whatever went wrong in the page fails the test. */
async function open({ scenario = 'team', theme = 'light', width = 1440 } = {}) {
  mock.forget();
  const context = await browser.newContext({
    viewport: { width, height: 900 },
    colorScheme: theme,
    reducedMotion: 'reduce',
  });
  await context.addCookies([{ name: 'mock_scenario', value: scenario, url: ORIGIN }]);
  const page = await context.newPage();
  const wrong = [];
  page.on('pageerror', (e) => wrong.push(`page: ${e.message}`));
  page.on(
    'console',
    (m) =>
      m.type() === 'error' &&
      !/Failed to load resource|WebSocket connection|Not found: \/nowhere/.test(m.text()) &&
      wrong.push(`console: ${m.text()}`),
  );
  page.on(
    'request',
    (r) =>
      !r.url().startsWith(ORIGIN) &&
      !r.url().startsWith('data:') &&
      wrong.push(`foreign request: ${r.url()}`),
  );
  const w = mock.worldOf(scenario);
  return { page, context, wrong, w, go: (path) => page.goto(ORIGIN + path) };
}

for (const [scenario, theme, width] of [
  ['team', 'light', 1440],
  ['team', 'dark', 1440],
  ['team', 'light', 390],
  ['empty', 'dark', 1440],
  ['error', 'light', 1440],
  ['setup', 'light', 1440],
  ['out', 'dark', 1440],
])
  test(`accessible: ${scenario}, ${theme}, ${width}`, async () => {
    const { page, wrong, w, go, context } = await open({ scenario, theme, width });
    const list = pages(w)
      .filter((p) => scenario === 'team' || !p.act)
      .filter((p) => scenario !== 'setup' || p.name === 'overview');
    const bad = [];
    for (const { name, path, act } of list) {
      await go(path);
      // There is something to look at, and nothing is still being read.
      await page.locator('h1, [role=alert]').first().waitFor();
      await page.waitForFunction(() => !document.querySelector('main .loading'));
      if (act) await act(page).catch(() => {});
      for (const v of await axe(page)) bad.push(`${name}: ${v}`);
    }
    await context.close();
    assert.deepEqual(bad, []);
    assert.deepEqual(wrong, []);
  });

test('keys go from page to page, and open what is chosen', async () => {
  const { page, wrong, go } = await open();
  await go('/');
  await page.getByRole('heading', { name: /Needs you/ }).waitFor();
  await page.keyboard.press('g');
  await page.keyboard.press('r');
  await page.getByRole('heading', { name: 'Reviews', level: 1 }).waitFor();
  await page.locator('[data-row]').first().waitFor();
  await page.keyboard.press('j');
  await page.keyboard.press('j');
  const title = await page.evaluate(() => document.activeElement.textContent);
  await page.keyboard.press('o');
  await page.getByRole('heading', { level: 1, name: title }).waitFor();
  await page.keyboard.press('?');
  await page.getByRole('dialog').getByText('Next change').waitFor();
  await page.keyboard.press('Escape');
  assert.equal(await page.getByRole('dialog').count(), 0);
  await page.keyboard.press('.');
  await page.keyboard.type('cost');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Cost', level: 1 }).waitFor();
  assert.deepEqual(wrong, []);
});

test('single keys can be switched off', async () => {
  const { page, go } = await open();
  await go('/settings/account');
  await page.getByLabel('Single-key shortcuts').first().uncheck();
  await page.locator('main').click({ position: { x: 5, y: 5 } });
  await page.keyboard.press('?');
  assert.equal(await page.getByRole('dialog').count(), 0);
  // With them on again the same key opens it: so the key had come before.
  await page.getByLabel('Single-key shortcuts').first().check();
  await page.locator('main').click({ position: { x: 5, y: 5 } });
  await page.keyboard.press('?');
  await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
});

test('a card is moved by keys, and a move that is none is refused with its reason', async () => {
  const { page, w, go } = await open();
  const task = w.tasks.find((t) => t.status === 'working');
  await go('/board');
  const card = page.locator(`[data-task="${task.id}"]`);
  await card.focus();
  await page.keyboard.press('m');
  await page.keyboard.press('ArrowRight');
  await page.getByText('not possible. Only agents put a task here').waitFor({ state: 'attached' });
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Enter');
  await page.getByRole('status').getByText(`“${task.title}” is in Paused.`).waitFor();
  assert.equal(task.status, 'paused');
  await page.getByRole('button', { name: 'Undo' }).click();
  await page.getByText('Undone.').waitFor();
  assert.equal(task.status, 'working');
});

test('a card is dragged', async () => {
  const { page, w, go } = await open();
  const task = w.tasks.find((t) => t.status === 'paused');
  await go('/board');
  await page.locator(`[data-task="${task.id}"]`).dragTo(page.getByRole('region', { name: /^Working/ }));
  await page.getByText(`“${task.title}” is in Working.`).first().waitFor();
  assert.equal(task.status, 'working');
});

test('canceling wants the title typed', async () => {
  const { page, w, go } = await open();
  const task = w.tasks.find((t) => t.status === 'working');
  await go(`/tasks/${task.id}`);
  await page.getByRole('button', { name: 'Cancel…' }).click();
  const dialog = page.getByRole('dialog');
  const button = dialog.getByRole('button', { name: 'Cancel the task' });
  assert.equal(await button.isDisabled(), true);
  await dialog.getByRole('textbox').fill(task.title);
  await button.click();
  await page.getByText('Canceled').first().waitFor();
  assert.equal(task.status, 'canceled');
});

test('a task is given', async () => {
  const { page, w, go } = await open();
  await go('/');
  await page.getByRole('heading', { name: /Needs you/ }).waitFor();
  await page.keyboard.press('n');
  await page.getByLabel('What is to be done?').fill('Fix the sum of an empty invoice');
  await page.getByRole('button', { name: 'Give the task' }).click();
  await page.getByRole('heading', { level: 1, name: 'Fix the sum of an empty invoice' }).waitFor();
  assert.equal(w.tasks[0].status, 'working');
});

test('the transcript grows while one looks, loses nothing on a cut line, and can be steered', async () => {
  const { page, w, go } = await open();
  const task = w.tasks.find((t) => t.status === 'working');
  const journal = w.journals.get(task.run_id);
  await go(`/tasks/${task.id}`);
  const lines = page.getByRole('log', { name: 'Transcript' });
  await lines.waitFor();
  await page.getByRole('complementary').getByText('Live', { exact: true }).waitFor();
  const before = journal.length;
  await page.waitForFunction(
    (n) => Number(/([\d,]+) lines/.exec(document.body.textContent)?.[1].replace(',', '')) > n,
    33,
  );
  mock.dropSockets();
  await page.getByRole('complementary').getByText('Catching up').waitFor();
  await page.getByRole('complementary').getByText('Live', { exact: true }).waitFor();
  await page.getByLabel('Steer the agents').fill('Keep the old name.');
  await page.getByRole('button', { name: 'Steer', exact: true }).click();
  await lines.getByText('Keep the old name.').waitFor();
  assert.ok(journal.length > before);
  assert.ok(journal.some((e) => e.entry.text === 'Keep the old name.'));
});

test('thousands of lines stay quick: only those in view exist', async () => {
  const { page, w, go } = await open({ scenario: 'many' });
  const task = w.tasks.find((t) => t.status === 'working');
  await go(`/tasks/${task.id}`);
  const lines = page.getByRole('log', { name: 'Transcript' });
  await lines.locator('[data-row]').first().waitFor();
  assert.ok((await page.getByText(/^1,\d\d\d lines/).count()) > 0);
  const inPage = await lines.locator('[data-row]').count();
  assert.ok(inPage < 150, `${inPage} rows`);
  await lines.evaluate((e) => (e.scrollTop = 0));
  await lines.getByText('Run started').waitFor();
  await page.getByRole('button', { name: 'Jump to the newest' }).click();
  await lines.getByText('Run started').waitFor({ state: 'detached' });
});

test('a question is answered, and the run goes on', async () => {
  const { page, w, go } = await open();
  const task = w.tasks.find((t) => t.error?.code === 'question');
  await go(`/tasks/${task.id}`);
  await page.getByLabel('Your answer').fill('Away from zero.');
  await page.keyboard.press('Control+Enter');
  await page.getByText('Answered. The run goes on.').waitFor();
  assert.equal(task.status, 'working');
  assert.ok(
    w.journals
      .get(task.run_id)
      .some((e) => e.entry.entry === 'answered' && e.entry.text === 'Away from zero.'),
  );
});

test('a plan is approved', async () => {
  const { page, w, go } = await open();
  const task = w.tasks.find((t) => t.error?.code === 'plan_approval_required');
  await go(`/tasks/${task.id}`);
  assert.equal(await page.getByRole('button', { name: 'Send it back' }).isDisabled(), true);
  await page.getByRole('button', { name: 'Approve the plan' }).click();
  await page.getByText('Plan approved.').waitFor();
  assert.equal(task.status, 'working');
});

test('a plan is edited, and built as it stands', async () => {
  const { page, w, go, wrong } = await open();
  const task = w.tasks.find((t) => t.error?.code === 'plan_approval_required');
  const before = w.runs.get(task.run_id).plan ?? { steps: [] };
  await go(`/tasks/${task.id}`);
  await page.getByRole('button', { name: 'Edit the plan…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Edit the plan' });
  await dialog.getByLabel('Title of the pull request').fill('Round half up everywhere');
  const steps = dialog.getByRole('group', { name: /^Step \d+$/ });
  const many = await steps.count();
  await dialog.getByRole('button', { name: 'Leave step 1 out' }).click();
  await dialog.getByRole('button', { name: 'Add a step' }).click();
  assert.equal(await steps.count(), many);
  await dialog.getByRole('button', { name: 'Save and approve' }).click();
  // A step without words is no step: the form says so, and nothing is sent.
  assert.equal(w.runs.get(task.run_id).plan?.title ?? '', before.title ?? '');
  await steps.last().getByLabel('What is to be done').fill('Tell the readers');
  await steps.last().getByLabel('Who').selectOption({ label: 'Docs writer' });
  assert.deepEqual(await axe(page), []);
  await dialog.getByRole('button', { name: 'Save and approve' }).click();
  await dialog.waitFor({ state: 'detached' });
  await page.getByText('Your plan is taken.', { exact: false }).waitFor();
  const lines = page.getByRole('log', { name: 'Transcript' });
  await lines.getByText('You edited the plan').waitFor();
  assert.equal(await lines.getByText('submit_plan').count(), 0);
  const plan = w.runs.get(task.run_id).plan;
  assert.equal(plan.title, 'Round half up everywhere');
  assert.deepEqual(
    [plan.steps.at(-1).title, plan.steps.at(-1).role, plan.steps.length],
    ['Tell the readers', 'developer_docs', many],
  );
  assert.deepEqual(wrong, []);
});

test('a run is replayed, and taken along in each form', async () => {
  const { page, w, go, wrong } = await open();
  const task = w.tasks.find((t) => t.status === 'completed');
  await go(`/tasks/${task.id}`);
  const record = page.getByRole('region', { name: 'Record' });
  await record.getByRole('button', { name: 'Replay and compare' }).click();
  await record
    .getByRole('status')
    .getByText(`The same again: ${w.journals.get(task.run_id).length} steps`)
    .waitFor();
  for (const [title, file] of [
    ['Report', `${task.run_id}.html`],
    ['Trajectory', `${task.run_id}.atif.json`],
    // Its first answer is an operation to wait for.
    ['Journal', `${task.run_id}.journal.jsonl`],
  ]) {
    const download = page.waitForEvent('download');
    await record.getByRole('button', { name: title, exact: true }).click();
    const got = await download;
    assert.equal(got.suggestedFilename(), file);
    assert.equal(
      readFileSync(await got.path(), 'utf8').split('\n').length,
      w.journals.get(task.run_id).length,
    );
  }
  await page.keyboard.press('.');
  await page.keyboard.type('replay');
  await page.getByRole('dialog').getByText('Replay and compare').waitFor();
  assert.deepEqual(wrong, []);
});

test('a task that ran into its limit is given again', async () => {
  const { page, w, go } = await open();
  const task = w.tasks.find((t) => t.status === 'failed');
  Object.assign(task.error, {
    code: 'turn_limit',
    message: 'the run used all of its 100 turns',
    hint: 'raise it with `aamas runs resume RUN --max-turns …`, or give a smaller task',
  });
  await go(`/tasks/${task.id}`);
  await page.getByText('The run used all of its 100 turns').first().waitFor();
  assert.equal(await page.locator('main').getByText('aamas runs resume').count(), 0);
  await page.getByRole('button', { name: 'Give it again…' }).click();
  const dialog = page.getByRole('dialog', { name: 'New task' });
  assert.equal(await dialog.getByLabel('What is to be done?').inputValue(), task.description);
  await dialog.getByLabel('Turns at most').fill('300');
  await dialog.getByRole('button', { name: 'Give the task' }).click();
  await page.getByText('Task given.').waitFor();
  assert.notEqual(w.tasks[0].id, task.id);
});

test('what is not there says so, and leads back', async () => {
  const { page, go } = await open();
  for (const [path, title] of [
    ['/tasks/task_none', 'There is no such task'],
    ['/reviews/pr_none', 'There is no such pull request'],
    ['/projects/project_none', 'There is no such project'],
    ['/agents/agent_none', 'There is no such agent'],
    ['/nowhere', 'There is no such page'],
  ]) {
    await go(path);
    await page.getByRole('heading', { level: 1, name: title }).waitFor();
    assert.ok((await page.getByRole('main').getByRole('link').count()) > 0, path);
  }
});

test('a run is forked from an entry', async () => {
  const { page, w, go } = await open();
  const task = w.tasks.find((t) => t.status === 'completed');
  await go(`/tasks/${task.id}`);
  await page.getByRole('log', { name: 'Transcript' }).locator('[data-row]').last().waitFor();
  await page
    .getByRole('button', { name: /^Fork from entry/ })
    .first()
    .focus();
  await page.keyboard.press('Enter');
  await page.getByLabel('What should go another way?').fill('Use integers.');
  await page.getByRole('dialog').getByRole('button', { name: 'Fork', exact: true }).click();
  await page.getByRole('heading', { level: 1, name: `${task.title} (fork)` }).waitFor();
});

test('a change is read, commented, approved and merged by keys and words', async () => {
  const { page, w, go, wrong } = await open();
  const pull = w.pulls.find((p) => p.status === 'open');
  await go(`/reviews/${pull.id}`);
  await page.getByText('ROUND_HALF_UP, Decimal').first().waitFor();
  for (const key of ['j', 'j', 'c']) await page.keyboard.press(key);
  await page
    .getByRole('textbox', { name: /^Comment on src\/billing\/invoice.py, line/ })
    .fill('Name the constant.');
  await page.keyboard.press('Control+Enter');
  await page.getByText('Name the constant.').waitFor();
  const comment = pull.comments.at(-1);
  assert.deepEqual(
    [comment.path, comment.body, typeof comment.line],
    ['src/billing/invoice.py', 'Name the constant.', 'number'],
  );
  await page.keyboard.press('v');
  await page.keyboard.press('a');
  await page.getByText('Approved.', { exact: true }).waitFor();
  assert.equal(pull.approvals.length, 1);
  await page.getByRole('button', { name: 'Merge…' }).click();
  const dialog = page.getByRole('dialog');
  const merge = dialog.getByRole('button', { name: 'Merge', exact: true });
  await dialog.getByRole('textbox').fill('something else');
  assert.equal(await merge.isDisabled(), true);
  await dialog.getByRole('textbox').fill(pull.title);
  await merge.click();
  await page.getByText('Merged').first().waitFor();
  assert.equal(pull.status, 'merged');
  assert.deepEqual(wrong, []);
});

test('comments go back to the agents', async () => {
  const { page, w, go } = await open();
  const pull = w.pulls.find((p) => p.status === 'open');
  await go(`/reviews/${pull.id}`);
  await page.getByRole('button', { name: /^Request changes/ }).click();
  await page.getByRole('button', { name: 'Send to the agents' }).click();
  await page.waitForURL(`**/tasks/${pull.task_id}`);
  assert.equal(w.tasks.find((t) => t.id === pull.task_id).status, 'working');
});

test('what agents write can’t act on the page', async () => {
  const { page, w, go, wrong } = await open();
  const task = w.tasks.find((t) => t.status === 'completed');
  const evil =
    '<img src=x onerror="document.title=\'owned\'"> [x](javascript:alert(1)) ![p](https://evil.example/p.png) \u202Egnp.exe';
  task.description = evil;
  task.title = `<script>document.title='owned'</script> ${'\u202E'}x`;
  w.journals.get(task.run_id).push({
    seq: 9000,
    attempt: 4,
    at: new Date().toISOString(),
    kind: 'steered',
    entry: { entry: 'steered', text: evil },
  });
  await go(`/tasks/${task.id}`);
  await page.getByText('onerror=').first().waitFor();
  assert.equal(await page.locator('main img, main script, main a[href^="javascript"]').count(), 0);
  assert.ok(!(await page.title()).startsWith('owned'));
  assert.ok(!(await page.locator('main').innerText()).includes('\u202E'));
  assert.deepEqual(wrong, []);
});

test('a person signs in with a second factor, and lands only on our own pages', async () => {
  const { page, go } = await open({ scenario: 'out' });
  await go('/sign-in?next=//evil.example/x');
  await page.getByLabel('E-mail').fill('ada@example.com');
  await page.getByLabel('Password').fill('wrong');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('alert').getByText('That did not match').waitFor();
  await page.getByLabel('Password').fill('totp');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByLabel('Code').fill('123456');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
  assert.equal(new URL(page.url()).pathname, '/');
});

test('the first start ends with a task', async () => {
  const { page, w, go } = await open({ scenario: 'setup' });
  await go('/?link=first_link');
  await page.waitForURL('**/setup?link=first_link');
  await page.getByLabel('Organization').fill('Harbor');
  await page.getByLabel('Your name').fill('Ada');
  await page.getByLabel('E-mail').fill('ada@example.com');
  await page.getByLabel('Password').fill('short');
  await page.getByRole('button', { name: 'Set up' }).click();
  await page.getByText('Take at least 10 characters.').first().waitFor();
  await page.getByLabel('Password').fill('long enough to keep');
  await page.getByRole('button', { name: 'Set up' }).click();
  await page.getByLabel('Address or path').fill('https://git.example.com/harbor/shop.git');
  await page.getByRole('button', { name: 'Add the repository' }).click();
  await page.getByRole('radio', { name: /Offline engine/ }).check();
  await page.getByRole('button', { name: 'Use this model' }).click();
  await page.getByLabel('What is to be done?').fill('Make tests/test_invoice.py pass');
  await page.getByText('shop is ready').waitFor();
  await page.getByRole('button', { name: 'Give the task' }).click();
  await page.getByRole('heading', { level: 1, name: 'Make tests/test_invoice.py pass' }).waitFor();
  assert.equal(w.projects[0].configuration.model, 'offline');
});

test('who may only read sees nothing that would be refused', async () => {
  const { page, w, go } = await open({ scenario: 'viewer' });
  await go('/');
  await page.getByRole('heading', { name: /Needs you/ }).waitFor();
  assert.deepEqual(
    await page
      .getByRole('navigation', { name: 'Main' })
      .getByRole('link')
      .allInnerTexts()
      .then((t) => t.map((x) => x.split('\n')[0].trim())),
    ['Overview', 'Tasks', 'Reviews', 'Projects', 'Agents', 'Cost', 'Settings'],
  );
  await go(`/reviews/${w.pulls.find((p) => p.status === 'open').id}`);
  await page.getByText('ROUND_HALF_UP, Decimal').first().waitFor();
  assert.equal(await page.getByRole('button', { name: /Merge|Approve|Request changes|Close…/ }).count(), 0);
});

test('offline is said, what was read stays, and the way back is found', async () => {
  const { page, context, go } = await open();
  await go('/agents');
  await page.getByRole('link', { name: 'Backend developer' }).waitFor();
  // The server is back with the first look at the session: no reconnection of the page's own can be faster than the key.
  let back = false;
  await context.route('**/api/**', (route) => {
    back ||= route.request().url().endsWith('/session');
    return back ? route.continue() : route.abort();
  });
  mock.dropSockets();
  await page.getByText('The server can’t be reached since').waitFor({ timeout: 15_000 });
  assert.equal(await page.getByRole('link', { name: 'Backend developer' }).count(), 1);
  await page.getByRole('button', { name: 'Try again' }).first().click();
  await page.getByText('The server can’t be reached since').waitFor({ state: 'detached' });
});

test('an error names its id', async () => {
  const { page, go } = await open({ scenario: 'error' });
  await go('/cost');
  const alert = page.getByRole('alert');
  await alert.waitFor();
  assert.match(await alert.innerText(), /Something went wrong inside[\s\S]*internal · quote [0-9a-f-]{13}/);
});

test('an accent that can’t be read is moved until it can', async () => {
  const { page, go } = await open();
  await go('/settings');
  await page.getByLabel('Accent', { exact: true }).fill('#ffee00');
  await page.getByLabel('Name of the product').fill('Harbor AI');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Saved.').waitFor();
  assert.equal(await page.title(), 'Settings · Harbor AI');
  assert.deepEqual(await axe(page), []);
});

test('every figure leads to its facts', async () => {
  const { page, go } = await open();
  await go('/');
  await page.getByRole('link', { name: /^Bugs fixed/ }).click();
  await page.getByRole('heading', { name: 'Bugs fixed: its facts' }).waitFor();
  await page.locator('[data-row]').first().waitFor();
  assert.equal(await page.getByRole('heading', { level: 1 }).count(), 1);
});

const filter = process.argv.slice(2).join(' ').toLowerCase();
let passed = 0;
const failed = [];
for (const { name, run } of tests.filter((t) => t.name.toLowerCase().includes(filter))) {
  const from = Date.now();
  try {
    await run();
    passed += 1;
    console.log(`ok    ${name} (${Date.now() - from} ms)`);
  } catch (error) {
    failed.push(name);
    console.log(`FAIL  ${name}\n      ${String(error.message).split('\n').slice(0, 30).join('\n      ')}`);
  }
  for (const context of browser.contexts()) await context.close();
}
await browser.close();
console.log(`${passed} passed, ${failed.length} failed`);
process.exit(failed.length ? 1 : 0);
