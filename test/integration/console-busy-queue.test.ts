/** The messages of a queue that changes while somebody looks at them: the list follows, and does not jump away. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { atEnd } from '../support/at-end.js';
import { browserOf, consoleOf, noBrowser, openPage } from '../support/browser.js';
import { eventually } from '../support/eventually.js';
import { connect } from '../support/test-client.js';
import { TestStore } from '../support/test-store.js';

/** Playwright keeps every page visible, and has no way to hide one, so the page is told what the browser would say. */
async function setHidden(page: Page, isHidden: boolean): Promise<void> {
  await page.evaluate(`
    Object.defineProperty(document, 'hidden', { configurable: true, value: ${isHidden} });
    document.dispatchEvent(new Event('visibilitychange'));
  `);
}

/** The figure above the list: it always follows. */
async function untilArrived(page: Page, count: number): Promise<void> {
  const figure = page.locator('dt:text-is("Arrived") + dd');
  await eventually(
    `${count} have arrived`,
    async () => (await figure.textContent()) === `${count}`,
  );
}

test('messages are read again when the queue has changed and nobody works in the list or has hidden it', {
  skip: noBrowser,
}, async (t) => {
  const store = await TestStore.make(t);
  const live = await store.startLive('a');
  const client = await connect(live.address);
  atEnd(t, () => client.destroy());
  let sent = 0;
  const send = async (count: number): Promise<void> => {
    for (const until = sent + count; sent < until; sent += 1) {
      await client.send({ destination: '/queue/orders', body: `order ${sent}`, headers: {} });
    }
  };
  await send(30);

  const { page, faults } = await openPage(await browserOf(t), consoleOf(live));
  let readings = 0;
  let polls = 0;
  page.on('request', (request) => {
    if (request.url().includes('/messages?')) readings += 1;
    if (request.url().endsWith('/api/v1/node')) polls += 1;
  });
  const rows = page.getByRole('table', { name: 'Messages' }).locator('tbody tr');
  const shows = (count: number) =>
    eventually(`${count} are listed`, async () => (await rows.count()) === count);
  const changed = page.getByRole('button', { name: 'The queue has changed: read again' });
  /** Two changes, so that the page has had the time to follow the first when it shows the second. */
  const assertHeld = async (what: string): Promise<void> => {
    const [before, listed] = [readings, await rows.count()];
    for (let change = 0; change < 2; change += 1) {
      await send(1);
      await untilArrived(page, sent);
    }
    await changed.waitFor();
    assert.deepEqual([readings, await rows.count()], [before, listed], what);
  };

  await page.getByRole('link', { name: 'Queues', exact: true }).click();
  await page.getByRole('link', { name: 'orders' }).click();
  await shows(30);
  const [readingsOfQuiet, pollsBefore] = [readings, polls];
  await eventually('the page has asked its node again', () => polls >= pollsBefore + 3);
  assert.equal(readings, readingsOfQuiet, 'nothing changed');
  await send(1);
  await shows(31);

  await rows.first().hover();
  await assertHeld('under the pointer');
  await page.mouse.move(0, 0);
  await shows(33);

  await rows.first().getByRole('checkbox').check();
  await page.mouse.move(0, 0);
  await page.getByRole('heading', { name: 'Messages' }).click();
  await assertHeld('with one chosen');
  await changed.click();
  await shows(35);
  assert.equal(await rows.first().getByRole('checkbox').isChecked(), true);
  await rows.first().getByRole('checkbox').uncheck();
  await page.getByRole('heading', { name: 'Messages' }).click();

  await setHidden(page, true);
  await assertHeld('hidden');
  await setHidden(page, false);
  await shows(37);

  await page.mouse.move(0, 0);
  await page.evaluate('scrollTo(0, document.body.scrollHeight)');
  await assertHeld('scrolled into');
  await page.evaluate('scrollTo(0, 0)');
  await shows(39);
  assert.equal(await changed.count(), 0);
  assert.deepEqual(faults, []);
});
