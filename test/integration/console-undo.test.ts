/** The way back after a move, in the console: who has it, and what it says when not all goes back. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { atEnd } from '../support/at-end.js';
import { browserOf, consoleOf, logIn, noBrowser, openPage } from '../support/browser.js';
import { temporaryDirectoryOf } from '../support/temporary-directory.js';
import { connect } from '../support/test-client.js';
import { TestStore } from '../support/test-store.js';
import { makeUsersFile, passwordOf } from '../support/users.js';

const ROLES = { operator: ['orders.>: manage browse'], application: ['>: send create'] };
const OF_USERS = { olga: ['operator'], app: ['application'] };
const RULES = { 'orders.new': { maxMessages: 2, whenFull: 'reject' } };

test('who may only manage moves messages and moves them back, as far as there is room', {
  skip: noBrowser,
}, async (t) => {
  const usersFile = `${await temporaryDirectoryOf(t)}/users.yaml`;
  await makeUsersFile(usersFile, ROLES, OF_USERS);
  const store = await TestStore.make(t, {
    HOLDFAST_SECURITY_USERS_FILE: usersFile,
    HOLDFAST_ADDRESSES: JSON.stringify(RULES),
  });
  const live = await store.startLive('a');
  const app = await connect(live.address, { login: 'app', passcode: passwordOf('app') });
  atEnd(t, () => app.destroy());
  const send = (queue: string, body: string): Promise<void> =>
    app.send({ destination: `/queue/${queue}`, body });
  await send('orders.new', '1');
  await send('orders.new', '2');
  await send('orders.later', '0');
  const address = consoleOf(live, '#/queues/orders.new');
  const { page, faults } = await openPage(await browserOf(t), address);
  await logIn(page, 'olga');
  const move = async (): Promise<void> => {
    await page.getByRole('button', { name: 'Move…' }).click();
    await page.getByLabel('To the queue').fill('orders.later');
    await page.getByRole('dialog').getByRole('button', { name: 'Move', exact: true }).click();
    await page.getByText('2 messages moved to orders.later').waitFor();
  };
  await move();
  await page.getByRole('button', { name: 'Undo' }).click();
  await page.getByText('2 messages moved back to orders.new').waitFor();

  await move();
  await send('orders.new', '3');
  await page.getByRole('button', { name: 'Undo' }).click();
  await page
    .getByText(/1 message moved back to orders\.new; 1 message not: Queue "orders\.new" is full/)
    .waitFor();
  assert.deepEqual(faults, []);
});
