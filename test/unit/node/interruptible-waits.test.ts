import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { InterruptibleWaits } from '../../../src/node/interruptible-waits.js';
import { ManualClock } from '../../support/manual-clock.js';

let clock: ManualClock;
let waits: InterruptibleWaits;

beforeEach(() => {
  clock = new ManualClock();
  waits = new InterruptibleWaits(clock);
});

const forEver = new Promise<string>(() => undefined);

test('a sleep ends at its time', async () => {
  const sleep = waits.sleep(100);
  clock.advance(100);
  await sleep;
});

test('a sleep ends when something wakes it, or the node is to stop, and leaves no timer', async () => {
  for (const end of [() => waits.wake(), () => waits.stop()]) {
    const sleep = waits.sleep(100);
    end();
    await sleep;
    assert.equal(clock.pendingTimers, 0);
  }
});

test('to wake nobody does not shorten the next sleep', async () => {
  waits.wake();
  let isOver = false;
  const sleep = waits.sleep(100).then(() => {
    isOver = true;
  });
  clock.advance(99);
  await Promise.resolve();
  assert.equal(isOver, false);
  clock.advance(1);
  await sleep;
});

test('a task that the node does not wait for any more is null', async () => {
  const task = waits.orStop(forEver);
  waits.wake();
  waits.stop();
  assert.equal(await task, null);
  assert.equal(await waits.orStop(Promise.resolve('done')), 'done');
  await assert.rejects(waits.orStop(Promise.reject(new Error('failed'))), /failed/);
});

test('a task that takes longer than its limit is null, and another leaves no timer', async () => {
  const task = waits.atMost(100, forEver);
  clock.advance(100);
  assert.equal(await task, null);
  assert.equal(await waits.atMost(100, Promise.resolve('done')), 'done');
  await assert.rejects(waits.atMost(100, Promise.reject(new Error('failed'))), /failed/);
  assert.equal(clock.pendingTimers, 0);
});
