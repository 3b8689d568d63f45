/** P7: memory does not grow with the consumers of large messages, and nobody else waits for them. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { atEnd } from '../support/at-end.js';
import {
  LargeBody,
  type LargeReceiver,
  receiveLargeOverAmqp,
  receiveLargeOverStomp,
  sendLargeOverAmqp,
  sendLargeOverStomp,
} from '../support/large-messages.js';
import type { NodeProcess } from '../support/node-process.js';
import { peakResidentBytes } from '../support/process-resources.js';
import { RawClient } from '../support/raw-client.js';
import { connect, Inbox } from '../support/test-client.js';
import { TestStore } from '../support/test-store.js';

const MEGABYTE = 1_000_000;
const MESSAGE_BYTES = 100 * MEGABYTE;
const CONSUMERS = 10;
/**
 * docs/decisions/0017-large-messages.md: a node at rest and its caches, and the same few copies of a
 * message however many consumers there are. With a copy for each of ten it had 1,400 MB.
 */
const MOST_RESIDENT_BYTES = 200 * MEGABYTE + 6 * MESSAGE_BYTES;

const SETTINGS = {
  HOLDFAST_AMQP_LISTEN: '127.0.0.1:0',
  HOLDFAST_AMQP_MAX_MESSAGE_BYTES: String(110 * MEGABYTE),
  HOLDFAST_STOMP_MAX_BODY_BYTES: String(110 * MEGABYTE),
  HOLDFAST_LIMITS_MAX_TRANSACTION_BYTES: String(110 * MEGABYTE),
  HOLDFAST_LIMITS_TOPIC_BACKLOG_MAX_BYTES: String(110 * MEGABYTE),
  HOLDFAST_JOURNAL_SLACK_BYTES: '33554432',
} as const;

async function assertSmall(node: NodeProcess): Promise<void> {
  const peak = await peakResidentBytes(node.pid);
  const inMegabytes = Math.round(peak / MEGABYTE);
  assert.ok(peak <= MOST_RESIDENT_BYTES, `${node.name} has had ${inMegabytes} MB in memory`);
}

/** A small message goes in and out. */
async function assertServesOthers(node: NodeProcess): Promise<void> {
  const client = await connect(node.address);
  const inbox = await Inbox.open(client, '/queue/small', 'auto');
  await client.send({ destination: '/queue/small', body: 'small' });
  await inbox.atLeast(1);
  await client.disconnect();
}

function stompAddress({ address }: NodeProcess): string {
  return `${address.host}:${address.port}`;
}

async function readAll(receivers: readonly LargeReceiver[]): Promise<void> {
  await Promise.all(receivers.map((receiver) => receiver.read()));
  await Promise.all(receivers.map((receiver) => receiver.acknowledge()));
}

function closeAfter(t: TestContext, receivers: readonly LargeReceiver[]): void {
  atEnd(t, () => {
    for (const receiver of receivers) receiver.close();
  });
}

test('P1, P7: a message of 100 MB for ten slow subscribers, with a takeover in the middle', async (t) => {
  const store = await TestStore.make(t, SETTINGS);
  const { live, backup } = await store.startPair();
  const body = new LargeBody(MESSAGE_BYTES);
  const subscribe = async (node: NodeProcess): Promise<LargeReceiver[]> => {
    const receivers: LargeReceiver[] = [];
    closeAfter(t, receivers);
    for (let index = 0; index < CONSUMERS; index += 1) {
      receivers.push(
        await receiveLargeOverStomp(stompAddress(node), '/topic/large', body, `s${index}`),
      );
    }
    return receivers;
  };
  const before = await subscribe(live);
  await sendLargeOverStomp(stompAddress(live), '/topic/large', body);
  await Promise.all(before.map((receiver) => receiver.begun()));
  await assertServesOthers(live);
  await assertSmall(live);
  assert.ok(before.every(({ bodyBytes }) => bodyBytes < MESSAGE_BYTES));
  await live.kill();
  await backup.untilRole('live');
  await readAll(await subscribe(backup));
  await assertServesOthers(backup);
  await assertSmall(backup);
});

test('P7: eight messages of 100 MB over AMQP, each for another slow receiver', async (t) => {
  const store = await TestStore.make(t, SETTINGS);
  const live = await store.startLive('a');
  const address = live.addressOf('amqp');
  const body = new LargeBody(MESSAGE_BYTES);
  const receivers: LargeReceiver[] = [];
  closeAfter(t, receivers);
  for (let index = 0; index < 8; index += 1) await sendLargeOverAmqp(address, 'large', body);
  for (let index = 0; index < 8; index += 1) {
    const receiver = await receiveLargeOverAmqp(address, 'large', body);
    receivers.push(receiver);
    await receiver.begun();
  }
  await assertServesOthers(live);
  await readAll(receivers);
  await assertSmall(live);
});

test('what is too large is refused by its first bytes, and the node goes on', async (t) => {
  const store = await TestStore.make(t, SETTINGS);
  const live = await store.startLive('a');
  const client = await RawClient.connect(live.address);
  client.write(`SEND\ndestination:/queue/q\ncontent-length:${120 * MEGABYTE}\n\n`);
  assert.match(await client.refusal(), /stomp\.maxBodyBytes/);
  const tooLarge = new LargeBody(120 * MEGABYTE);
  await assert.rejects(
    sendLargeOverAmqp(live.addressOf('amqp'), 'q', tooLarge),
    /amqp:link:message-size-exceeded.*amqp\.maxMessageBytes/,
  );
  await assertServesOthers(live);
});
