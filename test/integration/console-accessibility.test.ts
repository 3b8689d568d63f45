/** Every page of the console, by a checker of WCAG 2.1 A and AA, dark and light, wide and narrow; and what is only offered there. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertAccessible, CHECKED, loadChecker } from '../support/accessibility.js';
import { askAdmin } from '../support/admin-calls.js';
import { atEnd } from '../support/at-end.js';
import { browserOf, consoleOf, noBrowser, openPage } from '../support/browser.js';
import { connect, Inbox } from '../support/test-client.js';
import { TestStore } from '../support/test-store.js';

const skip = noBrowser;
test('every page passes the checker; subscriptions, connections and transactions', {
  skip,
}, async (t) => {
  const store = await TestStore.make(t, { HOLDFAST_LIMITS_MAX_DELIVERIES: '1' });
  const { live } = await store.startPair();
  const reader = await connect(live.address, { clientId: 'reader' });
  await Inbox.open(reader, '/topic/news', 'auto', { 'durable-subscription-name': 'daily' });
  reader.destroy();
  const failing = await connect(live.address);
  await failing.send({ destination: '/queue/orders', body: 'poison', headers: {} });
  await (await Inbox.open(failing, '/queue/orders', 'client-individual')).atLeast(1);
  failing.destroy();
  const client = await connect(live.address, { clientId: 'billing' });
  atEnd(t, () => client.destroy());
  await client.send({
    destination: '/queue/orders',
    body: '{"coffee":[1,2]}',
    headers: { a: 'b' },
  });
  await client.send({ destination: '/topic/news', body: 'x', headers: {} });
  client.begin('invoices');
  const inTransaction = { transaction: 'invoices' };
  await client.send({ destination: '/queue/orders', body: 'y', headers: {}, ...inTransaction });

  const { json } = await askAdmin(live, 'GET', '/api/v1/queues/orders/messages');
  const [{ id }] = json.messages;

  const { page, faults } = await openPage(await browserOf(t), consoleOf(live), CHECKED);
  await loadChecker(page);
  const dialog = page.getByRole('dialog');
  for (const [hash, heading, seen] of [
    ['#/', 'a is live', 'b could take over now.'],
    ['#/queues', 'Queues', 'orders'],
    ['#/queues/orders', 'orders', 'Choose all on this page'],
    [`#/queues/orders/${id}`, `Message ${id}`, '"coffee": ['],
    ['#/dead-letters', 'Dead letters', 'DLQ.orders'],
    ['#/charts', 'Charts', 'Messages in and out'],
    ['#/subscriptions', 'Durable subscriptions', 'daily'],
    ['#/connections', 'Connections', 'billing'],
    ['#/transactions', 'Open transactions', 'invoices'],
    ['#/no-such-page', null, 'There is no such page.'],
  ] as const) {
    await page.evaluate(`location.hash = ${JSON.stringify(hash)}`);
    if (heading !== null) await page.getByRole('heading', { name: heading }).first().waitFor();
    await page.getByText(seen).first().waitFor();
    await assertAccessible(page, hash);
  }
  await page.keyboard.press('?');
  await dialog.waitFor();
  await assertAccessible(page, 'keys');
  await page.keyboard.press('Escape');

  await page.getByRole('link', { name: 'Subscriptions' }).click();
  await page.getByRole('row', { name: /^news daily reader 1 / }).waitFor();
  await page.getByRole('button', { name: 'Delete…' }).click();
  await dialog.getByText('The subscription to news and its 1 message will be removed').waitFor();
  await assertAccessible(page, 'a dialog');
  await dialog.getByRole('button', { name: 'Delete', exact: true }).click();
  await page.getByText('Subscription daily is gone.').waitFor();
  await assertAccessible(page, 'a notice');
  await page.getByText('There are no durable subscriptions.').waitFor();

  await page.getByRole('link', { name: 'Transactions' }).click();
  await page.getByRole('row', { name: /invoices .* 1 0 \d+ B/ }).waitFor();
  await page.getByRole('link', { name: 'Connections' }).click();
  const row = page.getByRole('row', { name: /billing/ });
  await row.getByRole('button', { name: /^Close connection/ }).click();
  await dialog
    .getByText(/is told, and disconnected\..* open transactions are rolled back/)
    .waitFor();
  await dialog.getByRole('button', { name: 'Close it' }).click();
  await page.getByText('Nobody is connected.').waitFor();
  await page.getByRole('link', { name: 'Transactions' }).click();
  await page.getByText('No transaction has something to commit.').waitFor();
  assert.deepEqual(faults, []);
});
