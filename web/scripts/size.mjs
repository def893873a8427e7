// The compressed first load of the overview: the page, and every script and style that it needs before it shows. Fails above 300 KB.
import { readFileSync, existsSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { start } from '../mock/server.mjs';
import { launch } from '../e2e/browser.mjs';

const LIMIT = 300_000;
if (!existsSync('build/index.html')) throw new Error('Run `npm run build` first.');
process.env.MOCK_TICK_MS = '0';
const mock = await start(0);
const browser = await launch();
const page = await browser.newPage();
const files = new Set();
const foreign = [];
page.on('request', (request) => {
  const url = new URL(request.url());
  if (url.protocol === 'data:') return;
  if (url.host !== `127.0.0.1:${mock.port}`) foreign.push(request.url());
  else if (!url.pathname.startsWith('/api/') && !url.pathname.startsWith('/ws/'))
    files.add(url.pathname === '/' ? '/index.html' : url.pathname);
});
await page.goto(`http://127.0.0.1:${mock.port}/`);
await page.getByRole('heading', { name: 'Agent performance' }).waitFor();
await browser.close();

let sum = 0;
for (const file of [...files].sort()) {
  const size = gzipSync(readFileSync(`build${file}`), { level: 9 }).length;
  sum += size;
  console.log(`${String(size).padStart(8)}  ${file}`);
}
console.log(`${String(sum).padStart(8)}  first load, compressed (limit ${LIMIT})`);
if (foreign.length) console.log(`requests to elsewhere: ${foreign.join(', ')}`);
process.exit(sum > LIMIT || foreign.length ? 1 : 0);
