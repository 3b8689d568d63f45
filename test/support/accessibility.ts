/** Pages held against WCAG 2.1 A and AA by axe-core. It finds what a program can: names, contrast, structure. */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import type { AxeResults, RunOptions } from 'axe-core';
import type { BrowserContextOptions, Page } from 'playwright-core';

const CHECKER = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const RULES: RunOptions = {
  runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'],
  resultTypes: ['violations'],
};
/** Each look and each width once; they do not depend on each other. */
const LOOKS = [
  { colorScheme: 'light', viewport: { width: 1280, height: 800 } },
  { colorScheme: 'dark', viewport: { width: 390, height: 844 } },
] as const;

/** For a page that is to be checked: its own policy lets no script in but its own. */
export const CHECKED: BrowserContextOptions = { bypassCSP: true };

export async function loadChecker(page: Page): Promise<void> {
  await page.addScriptTag({ path: CHECKER });
}

/** Rules and places that are against them. */
async function violationsOf(page: Page): Promise<string[]> {
  const script = `axe.run(document, ${JSON.stringify(RULES)})`;
  const { violations } = await page.evaluate<AxeResults>(script);
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html}: ${failureSummary}`),
  );
}

/** In both looks, and wide and narrow. */
export async function assertAccessible(page: Page, what: string): Promise<void> {
  for (const { colorScheme, viewport } of LOOKS) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize(viewport);
    assert.deepEqual(await violationsOf(page), [], `${what}, ${colorScheme}, ${viewport.width}`);
  }
  await page.setViewportSize(LOOKS[0].viewport);
}
