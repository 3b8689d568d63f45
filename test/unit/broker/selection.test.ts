/** Consumers that do not want everything: selectors and browsers on queues. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ACKNOWLEDGEMENT, REJECTION } from '../../../src/broker/api.js';
import type { Consumer } from '../../../src/broker/queue.js';
import { type Received, Rig } from './broker-rig.js';

const RED = { selector: "color = 'red'" } as const;
const AUTO = { mode: ACKNOWLEDGEMENT.auto } as const;

function sendColors(rig: Rig, colors: readonly string[], from = 1): void {
  const sender = rig.connect();
  for (const [index, color] of colors.entries()) {
    sender.send('/queue/q', `${color}${from + index}`, { headers: `color:${color}\n` });
  }
  rig.settle();
}

describe('selectors on a queue', () => {
  test('a consumer gets what its selector wants, whenever it comes, and the rest stays', () => {
    const rig = new Rig();
    sendColors(rig, ['red', 'blue', 'red']);
    const red = rig.connect();
    red.listen('/queue/q', { ...RED, ...AUTO });
    rig.settle();
    assert.deepEqual(red.takeBodies(), ['red1', 'red3']);
    sendColors(rig, ['blue', 'red'], 4);
    assert.deepEqual(red.takeBodies(), ['red5']);
    const all = rig.connect();
    all.listen('/queue/q', AUTO);
    rig.settle();
    assert.deepEqual(all.takeBodies(), ['blue2', 'blue4']);
    rig.checkTwins();
  });

  test('what goes back is looked at again by the consumers that are beyond it', () => {
    const rig = new Rig();
    const first = rig.connect();
    first.listen('/queue/q', { ...RED, prefetch: 3 });
    sendColors(rig, ['red', 'blue', 'red', 'red', 'red']);
    assert.deepEqual(first.takeBodies(), ['red1', 'red3', 'red4']);
    const second = rig.connect();
    second.listen('/queue/q', { ...RED, prefetch: 10 });
    rig.settle();
    assert.deepEqual(second.takeBodies(), ['red5']);
    first.session.close();
    rig.settle();
    assert.deepEqual(second.takeBodies(), ['red1', 'red3', 'red4']);
    rig.checkTwins();
  });

  test('one that rejects a message gets it again, before those behind it', () => {
    const rig = new Rig();
    const client = rig.connect();
    client.listen('/queue/q', { ...RED, prefetch: 1 });
    sendColors(rig, ['red', 'blue', 'red']);
    client.reject(client.last());
    rig.settle();
    client.acknowledge(client.last());
    rig.settle();
    assert.deepEqual(client.bodies, ['red1', 'red1', 'red3']);
    assert.equal(client.received[1]?.redelivered, true);
  });

  test('each gets its own, and those that want everything get their turn', () => {
    const rig = new Rig();
    const red = rig.connect();
    const all = rig.connect();
    red.listen('/queue/q', { ...RED, ...AUTO });
    all.listen('/queue/q', AUTO);
    sendColors(rig, ['red', 'red', 'red', 'red', 'blue', 'blue']);
    const redBodies = red.takeBodies();
    const allBodies = all.takeBodies();
    assert.deepEqual([...redBodies, ...allBodies].sort(), [
      'blue5',
      'blue6',
      'red1',
      'red2',
      'red3',
      'red4',
    ]);
    assert.ok(redBodies.length >= 2, `the red one got ${redBodies}`);
    assert.ok(redBodies.every((body) => body.startsWith('red')));
  });

  test('bodies that have to be loaded are, and nobody else waits for them', () => {
    const rig = new Rig({ cold: true });
    sendColors(rig, ['blue', 'blue', 'red', 'blue', 'red']);
    const red = rig.connect();
    red.listen('/queue/q', { ...RED, ...AUTO });
    assert.equal(rig.waitingLoads.length, 1);
    rig.settle();
    assert.deepEqual(red.takeBodies(), ['red3', 'red5']);
  });

  test('many that nobody wants are looked at in turns, and once', () => {
    const rig = new Rig({ maxBatchBytes: 30_000, limits: { queueMaxMessages: 100_000 } });
    const count = 5_500;
    const colors = Array.from({ length: count }, (_, index) =>
      index % 100 === 99 ? 'red' : 'blue',
    );
    sendColors(rig, colors);
    const red = rig.connect();
    red.listen('/queue/q', { ...RED, ...AUTO });
    // One turn of the event loop looks at no more than a hundred.
    assert.equal(red.received.length, 1);
    assert.equal(rig.waitingTasks.length, 1);
    let turns = 0;
    for (let task = rig.waitingTasks.shift(); task !== undefined; task = rig.waitingTasks.shift()) {
      task();
      turns += 1;
    }
    assert.equal(turns, 54);
    assert.equal(red.received.length, count / 100);
    rig.settle();
    sendColors(rig, ['red'], count + 1);
    assert.equal(red.last().body, `red${count + 1}`);
    assert.equal(rig.waitingTasks.length, 0);
  });

  test('a drain is answered when nothing more matches', () => {
    const rig = new Rig();
    sendColors(rig, ['blue', 'red', 'blue']);
    const client = rig.connect();
    const red = client.listen('/queue/q', { ...RED, ...AUTO, credit: 0 });
    client.session.setCredit(red, 5);
    let drained = 0;
    client.session.drain(red, () => {
      drained += 1;
    });
    rig.settle();
    assert.deepEqual([client.bodies, drained], [['red2'], 1]);
  });
});

describe('browsers', () => {
  test('see everything that is ready, in order, and take nothing', () => {
    const rig = new Rig();
    sendColors(rig, ['red', 'blue', 'red']);
    const browser = rig.connect();
    browser.listen('/queue/q', { ...AUTO, browses: true });
    assert.deepEqual(browser.takeBodies(), ['red1', 'blue2', 'red3']);
    sendColors(rig, ['blue'], 4);
    assert.deepEqual(browser.takeBodies(), ['blue4']);
    const consumer = rig.connect();
    consumer.listen('/queue/q', AUTO);
    rig.settle();
    assert.deepEqual(consumer.takeBodies(), ['red1', 'blue2', 'red3', 'blue4']);
    assert.equal(rig.broker.statistics().messages, 0);
    rig.checkTwins();
  });

  test('with a selector see what matches, and hear when that was all', () => {
    const rig = new Rig({ cold: true });
    sendColors(rig, ['red', 'blue', 'red']);
    const client = rig.connect();
    const browser = client.listen('/queue/q', { ...AUTO, ...RED, browses: true });
    let drained = 0;
    client.session.drain(browser, () => {
      drained += 1;
    });
    assert.equal(drained, 0);
    rig.settle();
    assert.deepEqual([client.takeBodies(), drained], [['red1', 'red3'], 1]);
  });

  test('do not see what a consumer has, and see it when it came back', () => {
    const rig = new Rig();
    const consumer = rig.connect();
    consumer.listen('/queue/q', { prefetch: 1 });
    sendColors(rig, ['red', 'blue']);
    const browser = rig.connect();
    browser.listen('/queue/q', { ...AUTO, browses: true });
    assert.deepEqual(browser.takeBodies(), ['blue2']);
    consumer.session.close();
    rig.settle();
    assert.deepEqual(browser.takeBodies(), []);
    const later = rig.connect();
    later.listen('/queue/q', { ...AUTO, browses: true });
    assert.deepEqual(later.takeBodies(), ['red1', 'blue2']);
  });

  test('there is nothing to browse in a topic', () => {
    const rig = new Rig();
    assert.throws(() => rig.connect().listen('/topic/t', { ...AUTO, browses: true }), {
      code: 'CLIENT_FAILED',
      message: /browse a queue/,
    });
  });
});

describe('bounds', () => {
  test('a consumer that does not look does not gather what comes and goes', () => {
    const rig = new Rig();
    const [idle, busy] = [rig.connect(), rig.connect()];
    busy.send('/queue/q', 'x', { durable: false });
    rig.settle();
    const scanning = idle.listen('/queue/q', { ...RED, credit: 1 }) as Consumer;
    idle.session.setCredit(scanning, 0);
    const subscriber = busy.listen('/queue/q', { credit: 1 });
    for (let round = 1; round <= 5_000; round += 1) {
      const message = busy.received.pop() as Received;
      busy.session.setCredit(subscriber, 0);
      busy.settle(message, REJECTION.released);
      busy.session.setCredit(subscriber, 1);
    }
    assert.ok((scanning.scan?.behindCount ?? 0) <= 1_002, `${scanning.scan?.behindCount} ids`);
  });

  test('the selectors of one connection have a length together', () => {
    const rig = new Rig({ limits: { maxSubscriptionsPerSession: 100 } });
    const client = rig.connect();
    const selector = `color IN (${"'red', ".repeat(8_000)}'red')`;
    const listenMany = (): void => {
      for (let number = 1; number <= 10; number += 1) client.listen('/queue/q', { selector });
    };
    assert.throws(listenMany, { code: 'LIMIT_EXCEEDED', message: /characters together/ });
  });
});
