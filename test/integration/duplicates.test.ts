/** "Send again what was not confirmed" delivers once, when messages carry an id. */
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { type TestContext, test } from 'node:test';
import type { StompClient } from '../../src/client/stomp-client.js';
import { atEnd } from '../support/at-end.js';
import { eventually } from '../support/eventually.js';
import type { NodeProcess } from '../support/node-process.js';
import { connect, Inbox, isConnectionLoss } from '../support/test-client.js';
import { TestStore } from '../support/test-store.js';

const ORDERS = '/queue/orders';
const BODY_BYTES = 8_000;

/** A producer that knows what was confirmed, and sends whatever it is told to. */
class Producer {
  readonly confirmed = new Set<number>();
  readonly failures: unknown[] = [];

  /** Resolves when all of them are answered, or the connection is lost. */
  async send(client: StompClient, numbers: readonly number[]): Promise<void> {
    const sent = numbers.map(async (number) => {
      try {
        await client.send(messageOf(number));
        this.confirmed.add(number);
      } catch (error) {
        if (!isConnectionLoss(error)) this.failures.push(error);
      }
    });
    await Promise.all(sent);
  }
}

function messageOf(number: number) {
  const body = `${number}`.padEnd(BODY_BYTES, '.');
  return { destination: ORDERS, body, headers: { _AMQ_DUPL_ID: `order ${number}` } };
}

function numbersFrom(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => first + index);
}

async function connectTo(t: TestContext, node: NodeProcess): Promise<StompClient> {
  const client = await connect(node.address);
  atEnd(t, () => client.destroy());
  return client;
}

/** What came as a first delivery or as a later one, by number; everything is acknowledged. */
class Consumer {
  readonly firstDeliveries = new Map<number, string[]>();

  async open(client: StompClient): Promise<void> {
    await client.subscribe({
      destination: ORDERS,
      ack: 'client-individual',
      onMessage: (message) => {
        const number = Number.parseInt(message.text(), 10);
        const ids = this.firstDeliveries.get(number) ?? [];
        const id = String(message.headers().get('message-id'));
        if (!ids.includes(id)) ids.push(id);
        this.firstDeliveries.set(number, ids);
        client.acknowledge(message);
      },
    });
  }

  /** Waits for all of `numbers`, each of which must have come under one id only. */
  async gotOnce(numbers: readonly number[]): Promise<void> {
    await eventually('every message comes', () =>
      numbers.every((number) => this.firstDeliveries.has(number)),
    );
    for (const [number, ids] of this.firstDeliveries) {
      assert.equal(ids.length, 1, `message ${number} came as ${ids}`);
    }
  }
}

test('P1: after kill -9 everything is sent again, confirmed or not, and comes once', async (t) => {
  const store = await TestStore.make(t);
  const { live, backup } = await store.startPair();
  const producer = new Producer();
  const all = numbersFrom(1, 600);
  const sending = producer.send(await connectTo(t, live), all);
  await eventually('some are confirmed', () => producer.confirmed.size > 100);
  await live.kill();
  await sending;
  const confirmedBefore = producer.confirmed.size;
  assert.ok(confirmedBefore < all.length, 'the node was killed in the middle');
  await backup.untilRole('live');
  const next = await connectTo(t, backup);
  await producer.send(next, all);
  await producer.send(next, all.slice(-200));
  assert.equal(producer.confirmed.size, all.length);
  const consumer = new Consumer();
  await consumer.open(next);
  await producer.send(next, [601]);
  await consumer.gotOnce([...all, 601]);
  assert.deepEqual(producer.failures, []);
  t.diagnostic(`${confirmedBefore} of ${all.length} were confirmed before the kill`);
});

test('ids outlive the segments that they came in, and a cold start', async (t) => {
  const store = await TestStore.make(t);
  const { live, backup } = await store.startPair();
  const producer = new Producer();
  const consumer = new Consumer();
  await consumer.open(await connectTo(t, live));
  const client = await connectTo(t, live);
  const all = numbersFrom(1, 800);
  await producer.send(client, all);
  await consumer.gotOnce(all);
  await eventually('a checkpoint stands for the first segments', async () => {
    const names = await readdir(store.layout.journalDirectory);
    return (
      names.some((name) => name.endsWith('.checkpoint')) &&
      !names.some((name) => /^0000000001-.*\.segment$/.test(name))
    );
  });
  await live.kill();
  await backup.untilRole('live');
  await backup.kill();
  const cold = await store.startLive('c');
  const next = await connectTo(t, cold);
  await consumer.open(next);
  await producer.send(next, [...all, 801]);
  await consumer.gotOnce([...all, 801]);
  assert.equal(consumer.firstDeliveries.size, 801);
});

for (const isConfirmed of [true, false]) {
  const what = isConfirmed ? 'whose confirmation is lost' : 'that the kill cut off';
  test(`a transaction ${what} is sent again and happens once`, async (t) => {
    const store = await TestStore.make(t);
    const { live, backup } = await store.startPair();
    const first = await connectTo(t, live);
    const numbers = numbersFrom(1, 20);
    const commit = (client: StompClient): Promise<void> => {
      client.begin('t');
      for (const number of numbers) {
        client.sendUnconfirmed({ ...messageOf(number), transaction: 't' });
      }
      return client.commit('t');
    };
    const committing = commit(first).catch((error: unknown) => {
      if (!isConnectionLoss(error)) throw error;
    });
    if (isConfirmed) await committing;
    await live.kill();
    await committing;
    await backup.untilRole('live');
    const next = await connectTo(t, backup);
    await commit(next);
    await commit(next);
    const inbox = await Inbox.open(next, ORDERS, 'auto');
    await inbox.atLeast(numbers.length);
    await next.send({ destination: ORDERS, body: '21' });
    await inbox.atLeast(numbers.length + 1);
    assert.deepEqual(
      inbox.texts.map((text) => Number.parseInt(text, 10)),
      [...numbers, 21],
    );
  });
}

test('an id that is too long is told to its sender, who can go on on another connection', async (t) => {
  const store = await TestStore.make(t);
  const live = await store.startLive('a');
  const client = await connectTo(t, live);
  const headers = { 'duplicate-id': 'x'.repeat(501) };
  await assert.rejects(client.send({ destination: ORDERS, body: 'x', headers }), {
    message: /A duplicate id has 501 bytes; it must have 1 to 500/,
  });
  const producer = new Producer();
  await producer.send(await connectTo(t, live), [1]);
  assert.equal(producer.confirmed.size, 1);
});
