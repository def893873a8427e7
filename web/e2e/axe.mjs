// What the accessibility rules find on a page, as lines; empty is good.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** `only`: these rules alone, of a page that was looked at before. */
export async function axe(page, only) {
  if (!only) await page.evaluate(AXE);
  const found = await page.evaluate(
    (runOnly) => globalThis.axe.run(document, { runOnly, resultTypes: ['violations'] }),
    only ? { type: 'rule', values: only } : TAGS,
  );
  return found.violations
    .filter((v) => v.impact === 'serious' || v.impact === 'critical' || v.id === 'color-contrast')
    .map(
      (v) =>
        `${v.id}: ${v.nodes
          .slice(0, 3)
          .map(
            (n) => `${n.target.join(' ')} (${(n.any[0]?.message ?? n.failureSummary ?? '').split('\n')[0]})`,
          )
          .join('; ')}`,
    );
}
