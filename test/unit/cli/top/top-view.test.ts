import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { QueueFacts } from '../../../../src/broker/facts.js';
import { paintFor } from '../../../../src/cli/text.js';
import { type TopLook, type TopPage, topLines } from '../../../../src/cli/top/top-view.js';

const PAGE: TopPage = { order: 'depth', rows: 10, paint: paintFor({}) };

function queue(name: string, messages: number, arrived = messages): QueueFacts {
  const counts = {
    ...{ arrived, acknowledged: arrived - messages, delivered: 0, redelivered: 0 },
    ...{ failed: 0, expired: 0, deadLettered: 0 },
  };
  return {
    ...{ name, messages, counts, bytes: 2_048 * messages, ready: messages },
    ...{ unacknowledged: 0, consumers: 1, oldestAtMs: messages > 0 ? 90_000 : null },
    ...{ paused: false, temporary: false, deadLetters: false },
  };
}

function look(atMs: number, queues: readonly QueueFacts[], epoch = 1): TopLook {
  const sum = (of: (each: QueueFacts) => number): number =>
    queues.reduce((total, each) => total + of(each), 0);
  return {
    ...{ atMs, wallMs: 100_000 + atMs, queues },
    node: {
      ...{ node: 'a', host: 'one', pid: 1, version: '0', store: '/srv', addresses: {} },
      ...{ role: 'live', detail: '', sinceMs: 40_000, epoch, confirms: true, verifiedAgoMs: 0 },
      ...{ storeSilence: null, producersHeld: null, connections: 3, live: null, peers: [] },
    },
    totals: {
      ...{ sent: sum(({ counts }) => counts?.arrived ?? 0), delivered: 0, failed: 0, expired: 0 },
      ...{ acknowledged: sum(({ counts }) => counts?.acknowledged ?? 0), deadLettered: 0 },
      ...{ duplicates: 0, dropped: 0, memoryBytes: 0 },
      ...{ messages: sum(({ messages }) => messages), bytes: sum(({ bytes }) => bytes) },
    },
  };
}

test('a first page has no rates, a second one those of the time between', () => {
  const first = look(0, [queue('a', 0, 100), queue('b', 5, 5)]);
  assert.deepEqual(topLines(null, first, PAGE), [
    'a is live for 60 s, epoch 1',
    'There is no backup.',
    'in -   out -   5 messages   10 KiB   3 connections',
    '',
    'Queue  Messages  Unacknowledged  Consumers  Size    In  Out  Oldest',
    'b      5         0               1          10 KiB  -   -    10 s',
    'a      0         0               1          0 B     -   -',
  ]);
  const second = look(2_000, [queue('a', 0, 160), queue('b', 5, 5), queue('new', 1, 3)]);
  const lines = topLines(first, second, PAGE);
  assert.equal(lines[2], 'in 32/s   out 31/s   6 messages   12 KiB   3 connections');
  assert.deepEqual(
    lines.slice(5).map((line) => line.split(/ {2,}/)),
    [
      ['b', '5', '0', '1', '10 KiB', '0.0/s', '0.0/s', '12 s'],
      ['new', '1', '0', '1', '2.0 KiB', '1.5/s', '1.0/s', '12 s'],
      ['a', '0', '0', '1', '0 B', '30/s', '30/s'],
    ],
  );
});

test('counts begin anew with each tenure', () => {
  const lines = topLines(look(0, [queue('a', 5)]), look(1_000, [queue('a', 6)], 2), PAGE);
  assert.match(lines[2] ?? '', /^in - {3}out - /);
});

test('queues come in the order that was asked for, as many as fit', () => {
  const before = look(0, [queue('a', 1, 1), queue('b', 2, 2), queue('c', 3, 3)]);
  const now = look(1_000, [queue('a', 1, 9), queue('b', 2, 5), queue('c', 3, 4)]);
  const names = (order: TopPage['order'], rows = 10): string[] =>
    topLines(before, now, { ...PAGE, order, rows })
      .slice(5)
      .map((line) => line.split(' ')[0] ?? '');
  assert.deepEqual(names('depth'), ['c', 'b', 'a']);
  assert.deepEqual(names('in'), ['a', 'b', 'c']);
  assert.deepEqual(names('name'), ['a', 'b', 'c']);
  assert.deepEqual(names('depth', 1), ['c', 'and']);
});
