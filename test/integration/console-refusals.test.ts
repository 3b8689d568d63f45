/** What the console says when nobody can answer, or will not: it loses nothing that was typed, and goes on by itself. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { atEnd } from '../support/at-end.js';
import { browserOf, consoleOf, logIn, noBrowser, openPage } from '../support/browser.js';
import { eventually } from '../support/eventually.js';
import { SLOW_TAKEOVER } from '../support/fault-injection/fault.js';
import { temporaryDirectoryOf } from '../support/temporary-directory.js';
import { connect, Inbox } from '../support/test-client.js';
import { TestStore } from '../support/test-store.js';
import { makeUsersFile, passwordOf } from '../support/users.js';
import { startWitnessProcess } from '../support/witness-process.js';

const skip = noBrowser;

test('nobody is live: the page says so, and sees by itself who is live next', {
  skip,
}, async (t) => {
  const store = await TestStore.make(t);
  const first = await store.startLive('a');
  await first.terminate();
  const holder = await startWitnessProcess(store.layout.root);
  atEnd(t, () => holder.kill());
  const backup = await store.start('b').untilRole('backup');
  const { page, faults } = await openPage(await browserOf(t), consoleOf(backup));
  await page.getByRole('heading', { name: 'Nobody is live' }).waitFor();
  await page.getByText('Clients wait and connect again; a node takes over').waitFor();
  await page.getByRole('row', { name: /^1 a .* stopped$/ }).waitFor();
  assert.equal(await page.getByRole('button', { name: 'Hand over…' }).count(), 0);
  await page.getByRole('link', { name: 'Connections' }).click();
  await page.getByRole('alert').getByText(/live/).waitFor();
  await page.evaluate('window.mark = 1');

  await holder.kill();
  await page.getByText('Nobody is connected.').waitFor();
  await page.getByRole('link', { name: 'Pair' }).click();
  await page.getByRole('heading', { name: 'b is live' }).waitFor();
  assert.equal(await page.evaluate('window.mark'), 1, 'it was not loaded again');
  assert.deepEqual(faults, []);
});

test('an order in the middle of a takeover is refused, and carried out when it is given again', {
  skip,
}, async (t) => {
  const store = await TestStore.make(t);
  const live = await store.startLive('a');
  const backup = store.startFaulty('b', [SLOW_TAKEOVER]);
  await store.untilReady(backup);
  const client = await connect(live.address);
  atEnd(t, () => client.destroy());
  await client.send({ destination: '/queue/orders', body: 'x', headers: {} });
  const address = consoleOf(backup, '#/queues/orders');
  const { page, faults } = await openPage(await browserOf(t), address);
  await page.getByRole('table', { name: 'Messages' }).getByText('x', { exact: true }).waitFor();
  for (const name of ['Pause', 'Resume']) await page.getByRole('button', { name }).waitFor();
  assert.equal(await page.getByText('In this tenure').count(), 0, 'a backup does not know');
  await page.getByRole('button', { name: 'Move…' }).click();
  await page.getByLabel('To the queue').fill('later');

  await live.kill();
  await backup.untilRole('taking-over');
  const dialog = page.getByRole('dialog');
  const move = dialog.getByRole('button', { name: 'Move', exact: true });
  await move.click();
  await dialog.getByRole('alert').waitFor();
  assert.match((await dialog.getByRole('alert').textContent()) ?? '', /live/);
  await backup.untilRole('live');
  assert.equal(await page.getByLabel('To the queue').inputValue(), 'later', 'what was typed stays');
  await move.click();
  await page.getByText('1 message moved to later').waitFor();
  await page.getByText('In this tenure').waitFor();
  assert.equal(await page.getByRole('button', { name: 'Resume' }).count(), 0);
  assert.deepEqual(faults, []);
});

const ROLES = { ann: ['orders.>: send consume create manage'], olga: ['>: send consume create'] };
const FEWER_RIGHTS = { ...ROLES, ann: ['orders.new: send consume create manage'] };
const OF_USERS = { ann: ['ann'], olga: ['olga'] };

test('what a user may not do, or a node will not, is said in the dialog; a session that ends asks for a login', {
  skip,
}, async (t) => {
  const directory = await temporaryDirectoryOf(t);
  const usersFile = `${directory}/users.yaml`;
  await makeUsersFile(usersFile, ROLES, OF_USERS);
  const store = await TestStore.make(t, { HOLDFAST_SECURITY_USERS_FILE: usersFile });
  const live = await store.startLive('a');
  const client = await connect(live.address, { login: 'olga', passcode: passwordOf('olga') });
  atEnd(t, () => client.destroy());
  await client.send({ destination: '/queue/orders.new', body: 'x', headers: {} });
  const inbox = await Inbox.open(client, '/queue/orders.new', 'client-individual');
  await inbox.atLeast(1);
  const address = consoleOf(live, '#/queues/orders.new');
  const { page, faults } = await openPage(await browserOf(t), address);
  await logIn(page, 'ann');

  const dialog = page.getByRole('dialog');
  await page.getByRole('button', { name: 'Copy…' }).click();
  await page.getByLabel('To the queue').fill('mail');
  await dialog.getByRole('button', { name: 'Copy', exact: true }).click();
  await dialog.getByText(/^User ann has no right to send on queue "mail"/).waitFor();
  await page.getByLabel('To the queue').fill('orders.copies');
  await dialog.getByRole('button', { name: 'Copy', exact: true }).click();
  await page.getByText('1 message copied to orders.copies').waitFor();

  await page.getByRole('button', { name: 'Delete queue…' }).click();
  await dialog.getByText('It has 1 consumer, so it is not deleted.').waitFor();
  await dialog.getByRole('button', { name: 'Close', exact: true }).click();
  await page.getByLabel('Selector').fill("customer = 'c7'");

  // Other rights end the session. The dialog waits behind the login, and what it asks for is judged anew.
  await page.getByRole('button', { name: 'Copy…' }).click();
  await page.getByLabel('To the queue').fill('orders.more');
  await makeUsersFile(usersFile, FEWER_RIGHTS, OF_USERS);
  await page.getByText('The session of ann is over.').waitFor();
  await page.keyboard.press('Escape');
  await logIn(page, 'ann');
  await page.getByRole('heading', { name: 'Log in' }).waitFor({ state: 'detached' });
  assert.equal(await page.getByLabel('To the queue').inputValue(), 'orders.more');
  await dialog.getByRole('button', { name: 'Copy', exact: true }).click();
  await dialog.getByText(/^User ann has no right to send on queue "orders.more"/).waitFor();
  await dialog.getByRole('button', { name: 'Cancel' }).click();

  // Sessions are of one process: those of the page are over with it, as they are after hours without use.
  await live.kill();
  await page.getByText(/^Node a has not answered for/).waitFor();
  assert.equal(await page.getByLabel('Selector').inputValue(), "customer = 'c7'");
  const here = { HOLDFAST_ADMIN_LISTEN: live.addressOf('http') };
  await store.startLive('a', here);
  await page.getByRole('heading', { name: 'Log in' }).waitFor();
  await logIn(page, 'ann');
  await page.getByRole('heading', { name: 'orders.new' }).waitFor();
  assert.equal(await page.getByLabel('Selector').inputValue(), "customer = 'c7'");
  await eventually('no fault is left', async () => (await page.getByRole('alert').count()) === 0);
  assert.deepEqual(faults, []);
});
