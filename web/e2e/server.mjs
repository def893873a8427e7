// A real server of one's own: the built program, an empty data directory, a repository, and a model that answers as it is told.
import { execFileSync, spawn } from 'node:child_process';
import { createWriteStream, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { once } from 'node:events';

/** How long a server may take until it listens, in milliseconds: a debug build on a busy machine. */
const START_MS = 60_000;
/** Without keys, and with nothing of the caller's that could lead elsewhere. */
const ENVIRONMENT = { PATH: process.env.PATH, HOME: '', LANG: 'C.UTF-8', AAMAS_LOG: 'info' };

export const call = (name, args) => ({ tool_calls: [{ name, arguments: args }] });
export const write = (path, content) => call('write_file', { path, content });
export const run = (command) => call('run_command', { command });
export const finish = (title) => call('finish', { summary: `${title}.`, title });

/** A directory with everything that one server needs; `close` ends it and leaves nothing behind. */
export async function start(binary) {
  const root = mkdtempSync(join(tmpdir(), 'aamas-real-'));
  const [home, gate, scripts] = ['home', 'gate', 'scripts'].map((name) => join(root, name));
  for (const dir of [home, gate, scripts]) mkdirSync(dir);
  const log = createWriteStream(join(root, 'server.log'));
  let child = null;
  let address = '127.0.0.1:0';
  let link = '';

  /** Until it listens; the same address as before, if there was one. */
  async function up() {
    const args = ['serve', '--listen', address, '--data-dir', join(root, 'data'), '--parallel-runs', '2'];
    const started = spawn(binary, args, {
      env: { ...ENVIRONMENT, HOME: home },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    child = started;
    const lines = createInterface({ input: started.stderr });
    lines.on('line', (line) => log.write(`${line}\n`));
    await new Promise((resolve, reject) => {
      const late = setTimeout(
        () => reject(new Error(`the server does not listen after ${START_MS} ms`)),
        START_MS,
      );
      started.once('error', reject);
      started.once('exit', (code, signal) => reject(new Error(`the server ended with ${code ?? signal}`)));
      lines.on('line', (line) => {
        link ||= /#link=(\S+)/.exec(line)?.[1] ?? '';
        const listens = /listening on http:\/\/(\S+)/.exec(line);
        if (!listens) return;
        address = listens[1];
        clearTimeout(late);
        started.removeAllListeners('exit');
        resolve();
      });
    });
  }
  async function end(signal) {
    const ended = child;
    child = null;
    if (!ended || ended.exitCode !== null) return;
    const gone = once(ended, 'exit');
    ended.kill(signal);
    const [code] = await gone;
    if (signal === 'SIGTERM' && code !== 0)
      throw new Error(`the server ended with ${code} when it was asked to end`);
  }

  await up();
  return {
    root,
    log: join(root, 'server.log'),
    origin: `http://${address}`,
    link,
    repository: repository(join(root, 'calculator'), { gate }),
    /** One whose plans wait for a person. */
    planned: repository(join(root, 'planned'), { gate, plans: true }),
    up,
    /** As power loss would end it: no handler runs. */
    kill: () => end('SIGKILL'),
    /** A command that waits in a run until `open` is called with the same name. */
    waits: (name) => run(`until [ -e '${join(gate, name)}' ]; do :; done`),
    open: (name) => writeFileSync(join(gate, name), ''),
    /** The model that answers its builder with these turns, or each role with its own. Written anew, it answers otherwise from then on. */
    model(name, roles) {
      const path = join(scripts, `${name}.json`);
      writeFileSync(path, JSON.stringify({ roles: Array.isArray(roles) ? { builder: roles } : roles }));
      return `script:${path}`;
    },
    async close({ keep = false } = {}) {
      await end('SIGTERM').finally(() => {
        log.end();
        if (!keep) rmSync(root, { recursive: true, force: true });
      });
    },
  };
}

/** A repository with a bug that a test shows. */
function repository(dir, { gate, plans = false }) {
  const files = {
    'aamas.toml': `[sandbox]\nread = ["${gate}"]\n${plans ? '[plan]\napproval = true\n' : ''}`,
    'calc.py': 'def add(a, b):\n    return a - b\n\n\ndef twice(a):\n    return a * 2\n',
    'tests/__init__.py': '',
    'tests/test_calc.py': `import unittest

from calc import add, twice


class CalcTest(unittest.TestCase):
    def test_add(self):
        self.assertEqual(add(1, 2), 3)

    def test_twice(self):
        self.assertEqual(twice(4), 8)
`,
  };
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), content);
  }
  const git = (...args) =>
    execFileSync('git', ['-C', dir, ...args], { env: { ...ENVIRONMENT, HOME: dirname(dir) } });
  git('init', '--quiet', '--initial-branch', 'main');
  git('config', 'user.name', 'Ada Lovelace');
  git('config', 'user.email', 'ada@example.com');
  git('add', '--all');
  git('commit', '--quiet', '--message', 'Add a calculator');
  return dir;
}

export const git = (dir, ...args) =>
  execFileSync('git', ['-C', dir, ...args])
    .toString()
    .trim();
