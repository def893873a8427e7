// Pictures of every page, to be looked at: npm run shots [-- FILTER]. They go to SHOTS (default /tmp/shots).
import { mkdirSync } from 'node:fs';
import { start } from '../mock/server.mjs';
import { launch } from './browser.mjs';
import { pages } from './pages.mjs';

const OUT = process.env.SHOTS ?? '/tmp/shots';
const filter = process.argv[2] ? new RegExp(process.argv[2]) : /./;
const WIDTHS = (process.env.WIDTHS ?? '1440,1024,390').split(',').map(Number);
const THEMES = (process.env.THEMES ?? 'light,dark').split(',');
const SCENARIOS = (process.env.SCENARIOS ?? 'team').split(',');
const FULL = process.env.FULL === '1';

mkdirSync(OUT, { recursive: true });
process.env.MOCK_TICK_MS ??= '600';
const mock = await start(0);
const browser = await launch();
for (const scenario of SCENARIOS)
  for (const theme of THEMES)
    for (const width of WIDTHS) {
      const context = await browser.newContext({
        viewport: { width, height: width < 500 ? 844 : 900 },
        colorScheme: theme,
        deviceScaleFactor: 1,
      });
      await context.addCookies([
        { name: 'mock_scenario', value: scenario, url: `http://127.0.0.1:${mock.port}` },
      ]);
      const page = await context.newPage();
      page.on(
        'console',
        (m) =>
          m.type() === 'error' &&
          !/status of (4|5)|ERR_EMPTY|WebSocket/.test(m.text()) &&
          console.error(`[console] ${m.text()}`),
      );
      page.on('pageerror', (e) => console.error(`[page] ${e.stack}`));
      for (const { name, path, act } of pages(mock.worldOf(scenario))) {
        if (!filter.test(name)) continue;
        await page.goto(`http://127.0.0.1:${mock.port}${path}`);
        await page.waitForTimeout(scenario === 'slow' ? 900 : scenario === 'offline' ? 3000 : 700);
        try {
          if (act) await act(page);
        } catch (e) {
          console.error(`${name} ${scenario}: ${e.message.split('\n')[0]}`);
        }
        const overflow = await page.evaluate(
          () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        );
        if (overflow > 0)
          console.error(`${name}-${scenario}-${theme}-${width}: page is ${overflow} px too wide`);
        await page.screenshot({ path: `${OUT}/${name}-${scenario}-${theme}-${width}.png`, fullPage: FULL });
      }
      await context.close();
    }
await browser.close();
process.exit(0);
