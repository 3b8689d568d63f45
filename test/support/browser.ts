/** A real Chromium without a window, for tests of the console and its pictures. */
import { existsSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { atEnd } from './at-end.js';
import type { NodeProcess } from './node-process.js';
import { passwordOf } from './users.js';

const PATHS = [process.env.CHROMIUM ?? '', '/usr/bin/chromium', '/usr/bin/chromium-browser'];
const found = PATHS.find((path) => path !== '' && existsSync(path));
const WAIT_LIMIT_MS = 20_000;

/** For `skip` of a test: why it cannot run here, or false. In CI it has to. */
export const noBrowser: string | false =
  found !== undefined || process.env.CI
    ? false
    : 'there is no Chromium here; install it (Debian: apt-get install chromium), or set CHROMIUM to its path';

export async function startBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: found ?? '/usr/bin/chromium',
    // Its sandbox needs rights that root in a container does not have; the pages are our own.
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  });
}

/** One that ends with the test. What the page complains of makes the test fail. */
export async function browserOf(t: TestContext): Promise<Browser> {
  const browser = await startBrowser();
  atEnd(t, () => browser.close());
  return browser;
}

export function consoleOf(node: NodeProcess, hash = ''): string {
  return `http://${node.addressOf('http')}/console/${hash}`;
}

/** A page of its own cookies and storage, and the errors that it has met so far. */
export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<{ readonly page: Page; readonly faults: string[] }> {
  const context = await browser.newContext({ reducedMotion: 'reduce', ...options });
  context.setDefaultTimeout(WAIT_LIMIT_MS);
  const page = await context.newPage();
  const faults: string[] = [];
  // Neither the page nor a script of it asks anybody but nodes, which are all here.
  page.on('request', (request) => {
    const { hostname, protocol } = new URL(request.url());
    const isHere = ['127.0.0.1', 'localhost'].includes(hostname) || protocol === 'data:';
    if (!isHere) faults.push(`asked ${request.url()}`);
  });
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => {
    const text = message.text();
    // Of answers that are not 2xx, and of nodes that are killed, Chromium tells by itself.
    if (message.type() === 'error' && !text.startsWith('Failed to load resource'))
      faults.push(text);
  });
  await page.goto(url);
  return { page, faults };
}

export async function logIn(page: Page, user: string, password = passwordOf(user)): Promise<void> {
  await page.getByLabel('Name', { exact: true }).fill(user);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Log in' }).click();
}
