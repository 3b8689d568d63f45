import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { connectThreads } from './channel.js';
import { SimulatedClock } from './clock.js';
import { SimulatedProcess } from './process.js';
import { SeededRandom } from './random.js';
import { Scheduler } from './scheduler.js';

function makeProcess() {
  const scheduler = new Scheduler();
  const process = new SimulatedProcess(scheduler, 'node', 1);
  const seen: string[] = [];
  const note = (text: string) => () => void seen.push(`${scheduler.nowMs} ${text}`);
  const run = (untilMs = 10_000) => scheduler.run(() => false, untilMs);
  return { scheduler, process, seen, note, run };
}

describe('a thread', () => {
  it('gets nothing while its process is paused, and then everything in its order', async () => {
    const { process, seen, note, run } = makeProcess();
    process.main.run(10, note('first'));
    process.main.run(20, note('second'));
    process.main.run(60, note('third'));
    process.pause(50);
    await run();
    assert.deepEqual(seen, ['50 first', '50 second', '60 third']);
  });

  it('does not go on before the longest of two pauses is over', async () => {
    const { process, seen, note, run } = makeProcess();
    process.pause(100);
    process.pause(40);
    process.main.run(10, note('late'));
    await run();
    assert.deepEqual(seen, ['100 late']);
  });

  it('in a system call is busy, while the other thread of the process goes on', async () => {
    const { scheduler, process, seen, note, run } = makeProcess();
    process.storage.block();
    process.storage.run(5, note('timer'));
    process.main.run(5, note('main'));
    scheduler.schedule(30, () => process.storage.unblock(note('the call returns')));
    await run();
    assert.deepEqual(seen, ['5 main', '30 the call returns', '30 timer']);
  });

  it('of a dead process runs nothing more, paused or not', async () => {
    const { scheduler, process, seen, note, run } = makeProcess();
    process.main.run(10, note('never'));
    process.pause(50);
    process.onDeath(note('died'));
    scheduler.schedule(20, () => process.die());
    await run();
    assert.deepEqual(seen, ['20 died']);
  });

  it('does not run a timer that was cancelled while it waited', async () => {
    const { process, seen, note, run } = makeProcess();
    process.pause(50);
    const timer = process.main.run(10, note('cancelled'));
    process.main.run(5, () => timer.cancel());
    await run();
    assert.deepEqual(seen, []);
  });
});

describe('the channel between two threads', () => {
  it('keeps the order of its messages, whatever the lag of the process', async () => {
    const { process, run } = makeProcess();
    const observer = { posted: () => undefined, arrived: () => undefined };
    const { first, second } = connectThreads<number, number>(
      process.main,
      process.storage,
      new SeededRandom(1, 'channel'),
      { toSecond: observer, toFirst: observer },
    );
    const got: number[] = [];
    second.onMessage((message) => got.push(message));
    for (let number = 0; number < 100; number += 1) {
      process.lagMs = 100 - number;
      first.post(number);
    }
    await run();
    assert.deepEqual(
      got,
      Array.from({ length: 100 }, (_, index) => index),
    );
  });
});

describe('the clocks of a host', () => {
  it('jump on the wall and never in the monotonic one', async () => {
    const { process, run, scheduler } = makeProcess();
    const clocks = { bootedAtMs: -5_000, wallOffsetMs: 1_000_000 };
    const clock = new SimulatedClock(process.main, clocks);
    scheduler.schedule(100, () => {
      clocks.wallOffsetMs -= 60_000;
    });
    await run(200);
    assert.equal(clock.monotonicMs(), 5_100);
    assert.equal(clock.wallMs(), 940_100);
  });
});
