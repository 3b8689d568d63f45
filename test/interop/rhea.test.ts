/** A JavaScript client of AMQP 1.0 that others wrote, with real nodes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import rhea, { type Message } from 'rhea';
import { atEnd } from '../support/at-end.js';
import { eventually } from '../support/eventually.js';
import { connect as connectStomp, Inbox as StompInbox } from '../support/test-client.js';
import { TestStore } from '../support/test-store.js';
import { connect, connectToAny, once, send } from './rhea-client.js';

const AMQP = { HOLDFAST_AMQP_LISTEN: '127.0.0.1:0' };
const LARGE_BYTES = 3_000_000;

test('what is sent comes back as it was, in order, also after a takeover', async (t) => {
  const store = await TestStore.make(t, AMQP);
  const { live, backup } = await store.startPair();
  const client = await connect(t, live);
  const sender = await client.sender('queue://orders');
  const messages: Partial<Message>[] = [
    {
      body: 'text',
      message_id: 'm-1',
      correlation_id: 'c-1',
      subject: 'greeting',
      reply_to: 'queue://answers',
    },
    {
      body: rhea.message.data_section(Buffer.from([0, 1, 254, 255])),
      content_type: 'application/x',
    },
    {
      body: { nested: [1, 'two', { three: 3 }] },
      application_properties: { n: 7, flag: true, text: 'ä' },
    },
    { body: null, priority: 1, message_annotations: { 'x-opt-mine': 'kept' } },
  ];
  for (const message of messages) await send(sender, message);
  await live.kill();
  await backup.untilRole('live');
  const inbox = await (await connect(t, backup)).inbox('orders');
  const received = (await inbox.atLeast(messages.length)).map(({ message }) => message);
  assert.deepEqual(
    received.map(({ message_id, correlation_id, subject, reply_to }) => [
      message_id,
      correlation_id,
      subject,
      reply_to,
    ]),
    messages.map(({ message_id, correlation_id, subject, reply_to }) => [
      message_id,
      correlation_id,
      subject,
      reply_to,
    ]),
  );
  assert.equal(received[0]?.body, 'text');
  assert.deepEqual(received[1]?.body.content, Buffer.from([0, 1, 254, 255]));
  assert.deepEqual(received[2]?.body, messages[2]?.body);
  assert.deepEqual(received[2]?.application_properties, messages[2]?.application_properties);
  assert.equal(received[3]?.priority, 1);
  assert.deepEqual(received[3]?.message_annotations, { 'x-opt-mine': 'kept' });
  assert.ok(received.every(({ durable, delivery_count }) => durable && !delivery_count));
});

test('a client with both addresses goes on after kill -9 of the live node, and loses nothing', async (t) => {
  const store = await TestStore.make(t, AMQP);
  const { live, backup } = await store.startPair();
  const client = await connectToAny(t, [live, backup]);
  const sender = await client.sender('failover');
  const inbox = await client.inbox({ source: 'failover', autoaccept: true });
  for (let number = 1; number <= 50; number += 1) await send(sender, { body: number });
  await live.kill();
  await once(client.connection, 'connection_open');
  for (let number = 51; number <= 100; number += 1) await send(sender, { body: number });
  await eventually('everything comes', () => new Set(inbox.bodies).size === 100);
});

test('what is sent again with its _AMQ_DUPL_ID after kill -9 comes once, also to STOMP', async (t) => {
  const store = await TestStore.make(t, AMQP);
  const { live, backup } = await store.startPair();
  const messages = ['a', rhea.types.wrap_int(5), rhea.types.wrap_binary(Buffer.from('a'))].map(
    (id, number): Message => ({ body: `${number}`, application_properties: { _AMQ_DUPL_ID: id } }),
  );
  const sender = await (await connect(t, live)).sender('orders');
  for (const message of messages) await send(sender, message);
  await live.kill();
  await backup.untilRole('live');
  const next = await (await connect(t, backup)).sender('orders');
  for (const message of [...messages, { body: 'last' }]) await send(next, message);
  const stomp = await connectStomp(backup.address);
  atEnd(t, () => stomp.destroy());
  await stomp.send({ destination: '/queue/orders', body: 'x', headers: { 'duplicate-id': 'a' } });
  const inbox = await StompInbox.open(stomp, '/queue/orders', 'auto');
  await inbox.atLeast(4);
  assert.deepEqual(inbox.texts, ['0', '1', '2', 'last']);
  assert.equal(inbox.messages[0]?.headers().get('_AMQ_DUPL_ID'), 'a');
});

test('a backup passes AMQP clients on to the live node', async (t) => {
  const store = await TestStore.make(t, AMQP);
  const { backup } = await store.startPair();
  const client = await connect(t, backup);
  assert.equal(client.connection.container_id, 'a');
  await send(await client.sender('q'), { body: 'by way of the backup' });
});

test('each outcome has its consequence', async (t) => {
  const store = await TestStore.make(t, AMQP);
  const live = await store.startLive('a');
  const client = await connect(t, live);
  const sender = await client.sender('q');
  const inbox = await client.inbox({ source: 'q', credit_window: 0 });
  await send(sender, { body: 'outcomes' });
  const next = async () => {
    inbox.receiver.add_credit(1);
    const deliveries = await inbox.atLeast(count + 1);
    count += 1;
    return deliveries[count - 1] as (typeof deliveries)[number];
  };
  let count = 0;
  const first = await next();
  assert.equal(first.message.delivery_count ?? 0, 0);
  first.context.delivery?.release({ delivery_failed: false });
  const second = await next();
  // It has been at a consumer before, which JMS calls redelivered.
  second.context.delivery?.release({ delivery_failed: true });
  const third = await next();
  assert.equal(third.message.delivery_count, 1);
  third.context.delivery?.reject({ condition: 'app:no', description: 'not this one' });
  const dead = await client.inbox('DLQ.q');
  const [letter] = await dead.atLeast(1);
  assert.equal(letter?.message.body, 'outcomes');
  assert.equal(letter?.message.message_annotations?.['x-opt-ORIG-ADDRESS'], 'queue://q');
  letter?.context.delivery?.accept();
});

test('a large message goes in many frames, both ways', async (t) => {
  const store = await TestStore.make(t, AMQP);
  const live = await store.startLive('a');
  const client = await connect(t, live, { max_frame_size: 4_096 });
  const body = rhea.message.data_section(Buffer.alloc(LARGE_BYTES, 'large '));
  await send(await client.sender('large'), { body });
  const inbox = await client.inbox('large');
  const [delivery] = await inbox.atLeast(1);
  assert.deepEqual(delivery?.message.body.content, body.content);
});

test('a receiver drains its credit when there is nothing more', async (t) => {
  const store = await TestStore.make(t, AMQP);
  const live = await store.startLive('a');
  const client = await connect(t, live);
  await send(await client.sender('q'), { body: 'only one' });
  const inbox = await client.inbox({ source: 'q', credit_window: 0 });
  inbox.receiver.add_credit(10);
  inbox.receiver.drain_credit();
  await once(inbox.receiver, 'receiver_drained');
  assert.deepEqual(inbox.bodies, ['only one']);
  assert.equal((inbox.receiver as unknown as { credit: number }).credit, 0);
});

test('a durable subscription keeps what comes while its client is away', async (t) => {
  const store = await TestStore.make(t, AMQP);
  const { live, backup } = await store.startPair();
  const subscription = {
    name: 'news-for-me',
    source: { address: 'topic://news', durable: 2, expiry_policy: 'never' },
  } as const;
  const subscriber = await connect(t, live, { container_id: 'me' });
  const inbox = await subscriber.inbox(subscription as never);
  inbox.receiver.detach();
  await once(inbox.receiver, 'receiver_close').catch(() => undefined);
  const publisher = await connect(t, live);
  await send(await publisher.sender('topic://news'), { body: 'while you were out' });
  await live.kill();
  await backup.untilRole('live');
  const again = await connect(t, backup, { container_id: 'me' });
  const [delivery] = await (await again.inbox(subscription as never)).atLeast(1);
  assert.equal(delivery?.message.body, 'while you were out');
});

test('STOMP in and AMQP out, and back', async (t) => {
  const store = await TestStore.make(t, AMQP);
  const live = await store.startLive('a');
  const [stomp, amqp] = [await connectStomp(live.address), await connect(t, live)];
  const headers = { 'correlation-id': '7', colour: 'red', 'reply-to': '/queue/answers' };
  await stomp.send({ destination: '/queue/to-amqp', body: 'from STOMP', headers, isText: true });
  await stomp.send({ destination: '/queue/to-amqp', body: 'counted' });
  const [delivery, counted] = await (await amqp.inbox('to-amqp')).atLeast(2);
  assert.equal(delivery?.message.body, 'from STOMP');
  assert.equal(counted?.message.body.content.toString(), 'counted');
  assert.equal(delivery?.message.correlation_id, '7');
  assert.equal(delivery?.message.reply_to, 'queue://answers');
  assert.equal(delivery?.message.application_properties?.colour, 'red');
  await send(await amqp.sender('to-stomp'), {
    body: 'from AMQP',
    correlation_id: 'abc',
    application_properties: { count: 3 },
  });
  const inbox = await StompInbox.open(stomp, '/queue/to-stomp', 'auto');
  const [message] = await inbox.atLeast(1);
  assert.equal(message?.text(), 'from AMQP');
  assert.equal(message?.header('correlation-id'), 'abc');
  assert.equal(message?.header('count'), '3');
});

test('what cannot be had is refused on its link, with the reason, and the connection goes on', async (t) => {
  const store = await TestStore.make(t, AMQP);
  const live = await store.startLive('a');
  const client = await connect(t, live);
  const sender = client.connection.open_sender({ target: 'queue://a,b' });
  const { sender: refused } = await once(sender, 'sender_error');
  const error = refused?.error as { condition?: string; description?: string } | undefined;
  assert.equal(error?.condition, 'amqp:invalid-field');
  assert.match(error?.description ?? '', /a,b/);
  await send(await client.sender('fine'), { body: 'still here' });
});
