/**
 * Takes the pictures of docs/pictures/ again: a pair of real nodes over a new store, a load, a takeover, and the
 * console in Chromium. Run after a build: node dist/scripts/take-console-pictures.js
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import type { StompClient } from '../src/client/stomp-client.js';
import { consoleOf, openPage, startBrowser } from '../test/support/browser.js';
import { eventually } from '../test/support/eventually.js';
import { NodeProcess } from '../test/support/node-process.js';
import { connect, Inbox } from '../test/support/test-client.js';

const PICTURES = fileURLToPath(new URL('../../docs/pictures/', import.meta.url));
const WIDE = { width: 1200, height: 760 };
const PHONE = { width: 390, height: 780 };
/** So that tenures are long enough to be seen. */
const TENURE_MS = [20_000, 9_000, 14_000];
const LOAD_EACH_MS = 50;
/** Charts begin when the page is opened. */
const CHARTED_MS = 60_000;

const ORDER = {
  order: 'o-20417',
  customer: 'c7',
  items: [{ article: 'coffee', count: 2 }],
  total: 7.8,
};

class Scene {
  readonly #root: string;
  readonly nodes = new Map<string, NodeProcess>();
  #isOver = false;

  constructor(root: string) {
    this.#root = root;
  }

  async start(name: string): Promise<NodeProcess> {
    const settings = { HOLDFAST_LIMITS_MAX_DELIVERIES: '1' };
    const node = new NodeProcess({ store: this.#root, name, settings });
    this.nodes.set(name, node);
    await node.until(`${name} serves`, () => node.role === 'live' || node.role === 'backup');
    return node;
  }

  live(): NodeProcess {
    const found = [...this.nodes.values()].find((node) => node.isRunning && node.role === 'live');
    if (found === undefined) throw new Error('Nobody is live.');
    return found;
  }

  /** Sends and consumes until the end, at whoever is live. */
  async load(): Promise<void> {
    let turn = 0;
    while (!this.#isOver) {
      try {
        const client = await connect(this.live().address);
        await Inbox.open(client, '/queue/orders.paid', 'auto');
        for (; !this.#isOver; turn += 1) {
          const count = 3 + Math.round(4 * (1 + Math.sin(turn / 40)));
          for (let one = 0; one < count; one += 1) await sendOrder(client, 'orders.paid', turn);
          if (turn % 8 === 0) await sendOrder(client, 'orders.new', turn);
          await delay(LOAD_EACH_MS);
        }
        client.destroy();
      } catch {
        await delay(LOAD_EACH_MS);
      }
    }
  }

  async end(): Promise<void> {
    this.#isOver = true;
    for (const node of this.nodes.values()) if (node.isRunning) await node.kill();
    await rm(this.#root, { recursive: true });
  }
}

async function sendOrder(client: StompClient, queue: string, number: number): Promise<void> {
  const body = JSON.stringify({ ...ORDER, order: `o-${20_000 + number}` });
  const headers = { 'content-type': 'application/json', customer: 'c7' };
  await client.send({ destination: `/queue/${queue}`, body, headers });
}

/** What a consumer could not cope with. */
async function failSome(node: NodeProcess): Promise<void> {
  for (let number = 0; number < 3; number += 1) {
    const client = await connect(node.address);
    await sendOrder(client, 'payments', number);
    await (await Inbox.open(client, '/queue/payments', 'client-individual')).atLeast(1);
    client.destroy();
  }
}

async function takeAll(scene: Scene, browser: Browser): Promise<void> {
  await scene.start('alpha');
  await scene.start('beta');
  void scene.load();
  await failSome(scene.live());
  for (const lengthMs of TENURE_MS) {
    await delay(lengthMs);
    const gone = scene.live();
    await gone.kill();
    await eventually('the other one is live', () => {
      const found = [...scene.nodes.values()].find((node) => node.isRunning);
      return found?.role === 'live';
    });
    await scene.start(gone.name);
  }
  await failSome(scene.live());
  const url = consoleOf(scene.live());
  const wide = { viewport: WIDE, colorScheme: 'light', deviceScaleFactor: 1.5 } as const;
  const { page } = await openPage(browser, url, wide);
  await show(page, '', 'could take over now.');
  await delay(CHARTED_MS);
  await picture(page, 'pair-light');
  await show(page, 'charts', 'Confirmation time');
  await picture(page, 'charts-light');
  await show(page, 'queues/orders.new', 'Page 1');
  await picture(page, 'queue-light', false);
  await page.getByRole('table', { name: 'Messages' }).getByRole('link').first().click();
  await page.getByText('"coffee"').waitFor();
  await picture(page, 'message-light');
  await page.emulateMedia({ colorScheme: 'dark' });
  await show(page, '', 'could take over now.');
  await picture(page, 'pair-dark');
  await show(page, 'queues/DLQ.payments', 'Page 1');
  await page.getByRole('button', { name: 'Retry…' }).click();
  await picture(page, 'retry-dark');
  await page.context().close();

  const small = {
    viewport: PHONE,
    isMobile: true,
    deviceScaleFactor: 2,
    colorScheme: 'light',
  } as const;
  const phone = (await openPage(browser, url, small)).page;
  await show(phone, '', 'could take over now.');
  await picture(phone, 'pair-phone', false);
  await show(phone, 'queues', 'orders.new');
  await picture(phone, 'queues-phone', false);
}

async function show(page: Page, place: string, seen: string): Promise<void> {
  await page.evaluate(`location.hash = '#/${place}'`);
  await page.getByText(seen).first().waitFor();
}

async function picture(page: Page, name: string, fullPage = true): Promise<void> {
  await page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage, animations: 'disabled' });
  console.log(`docs/pictures/${name}.png`);
}

await mkdir(PICTURES, { recursive: true });
const scene = new Scene(await mkdtemp(join(tmpdir(), 'holdfast-pictures-')));
const browser = await startBrowser();
try {
  await takeAll(scene, browser);
} finally {
  await browser.close();
  await scene.end();
}
