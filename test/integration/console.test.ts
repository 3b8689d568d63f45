/** The web console in a real Chromium, against real nodes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import type { StompClient } from '../../src/client/stomp-client.js';
import { assertAccessible, CHECKED, loadChecker } from '../support/accessibility.js';
import { askAdmin } from '../support/admin-calls.js';
import { atEnd } from '../support/at-end.js';
import { browserOf, consoleOf, logIn, noBrowser, openPage } from '../support/browser.js';
import { eventually } from '../support/eventually.js';
import { temporaryDirectoryOf } from '../support/temporary-directory.js';
import { connect, Inbox } from '../support/test-client.js';
import { TestStore } from '../support/test-store.js';
import { tlsScene } from '../support/tls-scene.js';
import { makeUsersFile, passwordOf, runHoldfast } from '../support/users.js';

const skip = noBrowser;

async function send(client: StompClient, queue: string, bodies: readonly string[]): Promise<void> {
  for (const body of bodies) {
    const headers = { customer: `c${body.length}`, 'content-type': typeOf(body) };
    await client.send({ destination: `/queue/${queue}`, body, headers });
  }
}

function typeOf(body: string): string {
  return body.startsWith('{') ? 'application/json' : 'text/plain';
}

/** Says what the dialog is to say, and carries it out. */
async function confirm(page: Page, sentence: RegExp, button: string): Promise<void> {
  const dialog = page.getByRole('dialog');
  await dialog.getByText(sentence).waitFor();
  await dialog.getByRole('button', { name: button, exact: true }).click();
  await dialog.waitFor({ state: 'detached' });
}

test('the pair at a glance, and the page of a killed node goes to the new live one by itself', {
  skip,
}, async (t) => {
  const store = await TestStore.make(t);
  const { live, backup } = await store.startPair();
  const browser = await browserOf(t);
  const { page, faults } = await openPage(browser, `http://${live.addressOf('http')}/`);
  await page.getByRole('heading', { name: 'a is live' }).waitFor();
  assert.equal(new URL(page.url()).pathname, '/console/');
  await page.getByText(/Epoch 1 since .* b could take over now\./).waitFor();
  const card = page.getByRole('article', { name: 'Node b' });
  await card.getByText('Could take over now').waitFor();
  await card.getByText('yes', { exact: true }).waitFor();
  const watching = await openPage(browser, consoleOf(backup));
  await watching.page.getByText(/This page is of b, which is backup/).waitFor();
  const marks = [page, watching.page].map((one) => one.evaluate('window.mark = 1'));
  await Promise.all(marks);

  await live.kill();
  await backup.untilRole('live');
  await page.getByRole('heading', { name: 'b is live' }).waitFor();
  await page.getByText('a does not answer any more; this is another node of the store.').waitFor();
  assert.equal(new URL(page.url()).host, backup.addressOf('http'));
  await page.getByRole('row', { name: /^1 a .* lost: killed, cut off, hung or failed$/ }).waitFor();
  await page.getByRole('row', { name: /^2 b .* now/ }).waitFor();
  await watching.page.getByRole('heading', { name: 'b is live' }).waitFor();
  assert.equal(await watching.page.evaluate('window.mark'), 1, 'it was not loaded again');
  assert.deepEqual([faults, watching.faults], [[], []]);
});

test('queues and messages: filter, look at bodies, move with undo, pause, purge, delete', {
  skip,
}, async (t) => {
  const store = await TestStore.make(t);
  const live = await store.startLive('a');
  const client = await connect(live.address);
  atEnd(t, () => client.destroy());
  await send(client, 'orders/eu', ['one', 'four', '{"coffee":[1,2]}']);
  await send(client, 'mail', ['x']);
  const { page, faults } = await openPage(await browserOf(t), consoleOf(live, '#/queues'));
  await page.getByRole('row', { name: /^orders\/eu 3 3 0 0/ }).waitFor();
  await page.getByLabel('Filter by name').fill('ORD');
  await page.getByText('1 of 2').waitFor();
  await page.getByRole('link', { name: 'orders/eu' }).click();

  await page.getByLabel('Selector').fill("customer = 'c4'");
  await page.getByRole('button', { name: 'Filter', exact: true }).click();
  const rows = page.getByRole('table', { name: 'Messages' }).locator('tbody tr');
  await eventually('one message fits', async () => (await rows.count()) === 1);
  assert.match((await rows.textContent()) ?? '', /four/);
  await page.getByLabel('Selector').fill('a = = b');
  await page.getByRole('button', { name: 'Filter', exact: true }).click();
  await page.getByText(/selector is wrong at column/).waitFor();
  await page.getByLabel('Selector').fill('');
  await page.getByRole('button', { name: 'Filter', exact: true }).click();
  await eventually('all are shown', async () => (await rows.count()) === 3);

  await rows.last().getByRole('link').click();
  await page.getByText('"coffee": [').waitFor();
  await page.getByRole('button', { name: 'Hex' }).click();
  await page.getByText(/^00000000 {2}7b 22 63 6f 66 66 65 65/).waitFor();
  await page.getByText('c16', { exact: true }).waitFor();
  await page.goBack();

  await rows.first().getByRole('checkbox').check();
  await page.getByRole('button', { name: 'Move…' }).click();
  await page.getByLabel('To the queue').fill('later');
  await confirm(page, /1 chosen message will be moved to later, which is made for that\./, 'Move');
  await eventually('it is gone from here', async () => (await rows.count()) === 2);
  await page.getByRole('button', { name: 'Undo' }).click();
  await page.getByText('1 message moved back to orders/eu').waitFor();
  await eventually('it is here again', async () => (await rows.count()) === 3);

  await page.getByRole('button', { name: 'Pause' }).click();
  await page.getByText('paused', { exact: true }).waitFor();
  await page.getByRole('button', { name: 'Resume' }).click();
  await page.getByRole('button', { name: 'Pause' }).waitFor();
  await page.getByRole('button', { name: 'Purge…' }).click();
  await confirm(page, /All messages \(3 messages now\) will be removed for good/, 'Purge');
  await page.getByText('There is no message here.').waitFor();
  await page.getByRole('button', { name: 'Delete queue…' }).click();
  await confirm(page, /The queue is empty, and will be gone/, 'Delete');
  await page.getByText('Queue orders/eu is gone.').waitFor();
  const { json } = await askAdmin(live, 'GET', '/api/v1/queues');
  assert.deepEqual(json.queues.map(({ name }: { name: string }) => name).sort(), ['later', 'mail']);
  assert.deepEqual(faults, []);
});

test('a handover says what it does, and the page sees the other node live without being loaded again', {
  skip,
}, async (t) => {
  const store = await TestStore.make(t);
  const { live, backup } = await store.startPair();
  const client = await connect(live.address, { clientId: 'billing' });
  atEnd(t, () => client.destroy());
  await client.send({ destination: '/queue/q', body: 'x', headers: {} });
  const { page, faults } = await openPage(await browserOf(t), consoleOf(live, '#/connections'));
  await page.getByRole('row', { name: /billing/ }).waitFor();
  await page.evaluate('window.mark = 1');
  await page.getByRole('link', { name: 'Pair' }).click();
  await page.getByText('b could take over now.').waitFor();
  await page.getByRole('button', { name: 'Hand over…' }).click();
  await confirm(page, /a stops serving, and b serves .* 1 connection ends/, 'Hand over to b');
  await page.getByRole('heading', { name: 'b is live' }).waitFor();
  await page.getByRole('row', { name: /^1 a .* handed over$/ }).waitFor();
  await page.getByText(/This page is of a, which is backup/).waitFor();
  await page.getByRole('link', { name: 'Charts' }).click();
  await page.getByRole('img', { name: /^Messages in and out, now: sent [\d.]+\/s/ }).waitFor();
  assert.equal(await page.evaluate('window.mark'), 1, 'it was not loaded again');
  assert.equal(backup.role, 'live');
  assert.deepEqual(faults, []);
});

test('a dead letter is retried, and that is undone', { skip }, async (t) => {
  const store = await TestStore.make(t, { HOLDFAST_LIMITS_MAX_DELIVERIES: '1' });
  const live = await store.startLive('a');
  // A lost connection counts against the message that came first.
  const sender = await connect(live.address);
  atEnd(t, () => sender.destroy());
  await send(sender, 'orders', ['poison', 'more poison']);
  for (const _ of ['poison', 'more poison']) {
    const failing = await connect(live.address);
    await (await Inbox.open(failing, '/queue/orders', 'client-individual')).atLeast(1);
    failing.destroy();
  }
  const { page, faults } = await openPage(await browserOf(t), consoleOf(live));
  const count = page.getByRole('link', { name: 'Dead letters 2' });
  await count.click();
  await page.getByRole('link', { name: 'DLQ.orders' }).click();
  const rows = page.getByRole('table', { name: 'Messages' }).locator('tbody tr');
  await eventually('both are there', async () => (await rows.count()) === 2);
  await rows.first().getByRole('checkbox').check();
  await page.getByRole('button', { name: 'Retry…' }).click();
  await confirm(page, /1 chosen message will be sent to where they were sent first/, 'Retry');
  await page.getByText('1 message sent back').waitFor();
  await eventually('it is gone from here', async () => (await rows.count()) === 1);
  await page.getByRole('button', { name: 'Undo' }).click();
  await page.getByText('1 message moved back to DLQ.orders').waitFor();
  await eventually('it is here again', async () => (await rows.count()) === 2);
  await rows.last().getByRole('checkbox').check();
  await page.getByRole('button', { name: 'Retry…' }).click();
  await confirm(page, /1 chosen message will be sent to where they were sent first/, 'Retry');
  await eventually('it has been retried again', async () => (await rows.count()) === 1);
  await page.getByRole('link', { name: /^Dead letters/ }).click();
  await page.getByRole('button', { name: 'Retry all…' }).click();
  await confirm(page, /All messages \(1 message now\)/, 'Retry');
  await page.getByRole('link', { name: 'Queues', exact: true }).click();
  await page.getByRole('row', { name: /^orders 2 2/ }).waitFor();
  assert.deepEqual(faults, []);
});

const ROLES = {
  ann: ['>: send consume create manage'],
  olga: ['orders.>: view browse'],
};

test('users log in, are offered what they may do, and are out when they log out or get a new password', {
  skip,
}, async (t) => {
  const directory = await temporaryDirectoryOf(t);
  const usersFile = `${directory}/users.yaml`;
  await makeUsersFile(usersFile, ROLES, { ann: ['ann'], olga: ['olga'] });
  const store = await TestStore.make(t, { HOLDFAST_SECURITY_USERS_FILE: usersFile });
  const { live, backup } = await store.startPair();
  const client = await connect(live.address, { login: 'ann', passcode: passwordOf('ann') });
  atEnd(t, () => client.destroy());
  await send(client, 'orders.new', ['one']);
  await send(client, 'mail', ['x']);
  const browser = await browserOf(t);

  const olga = (await openPage(browser, consoleOf(live, '#/queues'))).page;
  await logIn(olga, 'olga', 'a guess');
  await olga.getByText('The name or the password is wrong.').waitFor();
  assert.equal(await olga.getByRole('navigation', { name: 'Pages' }).count(), 0);
  await logIn(olga, 'olga');
  await olga.getByRole('link', { name: 'orders.new' }).waitFor();
  assert.equal(await olga.getByRole('link', { name: 'mail' }).count(), 0);
  for (const page of ['Charts', 'Connections', 'Transactions']) {
    assert.equal(await olga.getByRole('link', { name: page }).count(), 0, page);
  }
  await olga.getByRole('link', { name: 'orders.new' }).click();
  await olga.getByRole('table', { name: 'Messages' }).getByText('one').waitFor();
  assert.equal(await olga.getByRole('button', { name: 'Purge…' }).count(), 0);
  await olga.getByRole('link', { name: 'Pair' }).click();
  await olga.getByRole('heading', { name: 'a is live' }).waitFor();
  assert.equal(await olga.getByRole('button', { name: 'Hand over…' }).count(), 0);
  await olga.goto(consoleOf(live, '#/charts'));
  await olga.getByText('olga has no right to see this.').waitFor();

  // Through a backup, which passes on what only the live node can answer.
  const ann = (await openPage(browser, consoleOf(backup, '#/queues/mail'))).page;
  await logIn(ann, 'ann');
  await ann.getByRole('button', { name: 'Purge…' }).click();
  await confirm(ann, /All messages \(1 message now\)/, 'Purge');
  await ann.getByText('1 message removed').waitFor();
  const line = live.log.find(({ event, kind }) => event === 'admin-change' && kind === 'purge');
  assert.equal(line?.user, 'ann');
  await ann.getByRole('button', { name: 'Log out' }).click();
  await ann.getByRole('heading', { name: 'Log in' }).waitFor();

  const passwd = ['user', 'passwd', 'olga', '--users-file', usersFile, '--password-stdin'];
  const end = await runHoldfast(passwd, { input: 'something else\n' });
  assert.equal(end.code, 0, end.complaint);
  await olga.goto(consoleOf(live, '#/queues'));
  await olga.getByRole('heading', { name: 'Log in' }).waitFor();
});

test('over TLS: one logs in, and the cookie of the session is for TLS alone', {
  skip,
}, async (t) => {
  const { store } = await tlsScene(t);
  const live = await store.startLive('a');
  const address = `https://${live.addressOf('https')}/console/#/queues`;
  const checked = { ...CHECKED, ignoreHTTPSErrors: true };
  const { page, faults } = await openPage(await browserOf(t), address, checked);
  await page.getByRole('heading', { name: 'Log in' }).waitFor();
  await loadChecker(page);
  await assertAccessible(page, 'the login page');
  await logIn(page, 'pat');
  await page.getByText('There are no queues yet.').waitFor();
  const [cookie, ...others] = await page.context().cookies();
  assert.deepEqual(others, []);
  assert.match(cookie?.name ?? '', /^__Host-holdfast-session-/);
  const { secure, httpOnly, sameSite } = cookie ?? {};
  assert.deepEqual([secure, httpOnly, sameSite], [true, true, 'Strict']);
  await page.reload();
  await page.getByText('There are no queues yet.').waitFor();
  // Under a name that others may set, the same session is none.
  await page.context().clearCookies();
  const [name = '', value = ''] = [cookie?.name.replace('__Host-', ''), cookie?.value];
  await page.context().addCookies([{ name, value, url: address }]);
  await page.reload();
  await page.getByRole('heading', { name: 'Log in' }).waitFor();
  assert.deepEqual(faults, []);
});

test('dark and light, keys alone, and a node that is gone', { skip }, async (t) => {
  const store = await TestStore.make(t);
  const live = await store.startLive('a');
  const { page, faults } = await openPage(await browserOf(t), consoleOf(live), {
    colorScheme: 'dark',
  });
  await page.getByRole('heading', { name: 'a is live' }).waitFor();
  const ground = () => page.evaluate<string>('getComputedStyle(document.body).backgroundColor');
  const dark = await ground();
  await page.emulateMedia({ colorScheme: 'light' });
  const light = await ground();
  assert.notEqual(dark, light);
  await page.keyboard.press('t');
  assert.equal(await ground(), dark, 'dark, although the system is light');
  await page.reload();
  await page.getByRole('heading', { name: 'a is live' }).waitFor();
  assert.equal(await ground(), dark, 'remembered');

  await page.keyboard.press('c');
  await page.locator('.uplot').first().waitFor();
  await page.evaluate('document.querySelector(".uplot").dataset.mark = "before"');
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.locator('.uplot[data-mark]').waitFor({ state: 'detached' });

  await page.keyboard.press('?');
  await page.getByRole('heading', { name: 'Keys' }).waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await page.keyboard.press('q');
  await page.getByText('There are no queues yet.').waitFor();
  await page.keyboard.press('/');
  await page.keyboard.type('q?');
  assert.equal(await page.getByLabel('Filter by name').inputValue(), 'q?', 'keys are text there');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'New queue' }).waitFor();
  await page.keyboard.type('by-keys');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'by-keys' }).waitFor();
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await page.keyboard.press('Tab');
  const outline = await page.evaluate<string>(
    'getComputedStyle(document.activeElement).outlineStyle',
  );
  assert.equal(outline, 'solid', 'one sees where one is');

  await page.keyboard.press('p');
  await page.getByRole('heading', { name: 'a is live' }).waitFor();
  await live.kill();
  await page.getByText(/^Node a has not answered for .* No other node is known/).waitFor();
  await page.getByRole('heading', { name: 'Who is live is not known' }).waitFor();
  assert.deepEqual(faults, []);
});

test('nothing is cut off on a phone', { skip }, async (t) => {
  const store = await TestStore.make(t);
  const { live } = await store.startPair();
  const client = await connect(live.address);
  atEnd(t, () => client.destroy());
  const queue = `orders.${'a-long-name.'.repeat(8)}eu`;
  await send(client, queue, ['word '.repeat(100)]);
  const phone = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };
  const { page, faults } = await openPage(await browserOf(t), consoleOf(live), phone);
  const path = encodeURIComponent(queue);
  for (const [hash, seen] of [
    ['#/', 'a is live'],
    ['#/queues', 'Queues'],
    [`#/queues/${path}`, queue],
    ['#/dead-letters', 'Dead letters'],
    ['#/charts', 'Charts'],
    ['#/connections', 'Connections'],
  ] as const) {
    await page.goto(consoleOf(live, hash));
    await page.getByRole('heading', { name: seen }).waitFor();
    const [width, room] = await page.evaluate<[number, number]>(
      '[document.documentElement.scrollWidth, document.documentElement.clientWidth]',
    );
    assert.ok(width <= room, `${hash} is ${width} wide, and there is room for ${room}`);
  }
  assert.deepEqual(faults, []);
});
