import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SeededRandom } from './random.js';
import { Scheduler } from './scheduler.js';

const FOREVER_MS = 1e9;
const never = (): boolean => false;

describe('the scheduler', () => {
  it('runs events by their time, and at one time in the order in which they were scheduled', async () => {
    const scheduler = new Scheduler();
    const random = new SeededRandom(1, 'times');
    const seen: { atMs: number; order: number }[] = [];
    for (let order = 0; order < 2_000; order += 1) {
      const delayMs = random.whole(0, 100);
      scheduler.schedule(delayMs, () => seen.push({ atMs: scheduler.nowMs, order }));
    }
    await scheduler.run(never, FOREVER_MS);
    const sorted = seen.toSorted((a, b) => a.atMs - b.atMs || a.order - b.order);
    assert.equal(seen.length, 2_000);
    assert.deepEqual(seen, sorted);
  });

  it('begins an event only when every promise that the one before resolved has run', async () => {
    const scheduler = new Scheduler();
    const seen: string[] = [];
    scheduler.schedule(1, () => {
      void (async () => {
        for (let step = 0; step < 50; step += 1) await null;
        seen.push('promises');
      })();
    });
    scheduler.schedule(1, () => seen.push('next event'));
    await scheduler.run(never, FOREVER_MS);
    assert.deepEqual(seen, ['promises', 'next event']);
  });

  it('does not run what was cancelled', async () => {
    const scheduler = new Scheduler();
    const seen: string[] = [];
    scheduler.schedule(1, () => seen.push('kept'));
    scheduler.schedule(1, () => seen.push('cancelled')).cancel();
    await scheduler.run(never, FOREVER_MS);
    assert.deepEqual(seen, ['kept']);
  });

  it('stops when told to, and before the time that is given', async () => {
    const scheduler = new Scheduler();
    let count = 0;
    const repeat = (): void => {
      count += 1;
      scheduler.schedule(10, repeat);
    };
    repeat();
    await scheduler.run(() => count === 20, FOREVER_MS);
    assert.equal(count, 20);
    await scheduler.run(never, 1_000);
    assert.equal(scheduler.nowMs, 1_000);
  });

  it('ends with what an event throws', async () => {
    const scheduler = new Scheduler();
    scheduler.schedule(1, () => {
      throw new Error('broken');
    });
    await assert.rejects(scheduler.run(never, FOREVER_MS), /broken/);
  });
});

describe('seeded randomness', () => {
  it('is the same for the same seed and stream, and another for any other', () => {
    const draw = (seed: number, stream: string): string =>
      Buffer.from(new SeededRandom(seed, stream).bytes(16)).toString('hex');
    assert.equal(draw(7, 'faults'), draw(7, 'faults'));
    const all = [draw(7, 'faults'), draw(7, 'clients'), draw(8, 'faults'), draw(2 ** 40, 'faults')];
    assert.equal(new Set(all).size, all.length);
  });

  it('draws whole numbers evenly, both ends included', () => {
    const random = new SeededRandom(3, 'dice');
    const counts = new Array<number>(6).fill(0);
    for (let throws = 0; throws < 6_000; throws += 1) {
      const side = random.whole(1, 6);
      counts[side - 1] = (counts[side - 1] ?? 0) + 1;
    }
    for (const count of counts) assert.ok(count > 850 && count < 1_150, String(counts));
  });
});
