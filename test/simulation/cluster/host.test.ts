import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SimulatedClock } from '../kernel/clock.js';
import { Scheduler } from '../kernel/scheduler.js';
import { type PowerWitness, SimulatedHost } from './host.js';

function makeHost(witnesses: readonly PowerWitness[] = []): {
  scheduler: Scheduler;
  host: SimulatedHost;
} {
  const scheduler = new Scheduler();
  return { scheduler, host: new SimulatedHost({ scheduler, name: 'a', wallSkewMs: 0, witnesses }) };
}

const runFor = (scheduler: Scheduler, forMs: number): Promise<void> => {
  scheduler.schedule(forMs, () => undefined);
  return scheduler.run(() => false, scheduler.nowMs + forMs);
};

describe('a simulated host', () => {
  it('takes its processes with it when its power goes, and only then are others told', () => {
    const told: string[] = [];
    const { host } = makeHost([
      {
        powerOffHost: (name) => told.push(`${name} off, ${host.processes.length} processes`),
        bootHost: (name) => told.push(`${name} boots`),
      },
    ]);
    const process = host.startProcess('node');
    host.powerOff();
    host.powerOff();
    assert.equal(process.isAlive, false);
    assert.throws(() => host.startProcess('another'), /no power/);
    host.boot();
    assert.deepEqual(told, ['a off, 0 processes', 'a boots']);
  });

  it('is another boot afterwards: new identity, monotonic clock from zero, pids from the first', async () => {
    const { scheduler, host } = makeHost();
    const before = host.identityOf(host.startProcess('node'));
    await runFor(scheduler, 1_000);
    host.powerOff();
    await runFor(scheduler, 1_000);
    host.boot();
    await runFor(scheduler, 300);
    const process = host.startProcess('node');
    const after = host.identityOf(process);
    assert.notEqual(after.bootId, before.bootId);
    assert.equal(after.pid, before.pid);
    assert.equal(new SimulatedClock(process.main, host.clocks).monotonicMs(), 300);
  });

  it('keeps its wrong wall clock over a boot, and shows a jump to every process at once', () => {
    const { host } = makeHost();
    const clock = new SimulatedClock(host.startProcess('node').main, host.clocks);
    const beganMs = clock.wallMs();
    host.jumpWallClock(-5_000);
    assert.equal(clock.wallMs(), beganMs - 5_000);
    host.powerOff();
    host.boot();
    const other = new SimulatedClock(host.startProcess('node').main, host.clocks);
    assert.equal(other.wallMs(), beganMs - 5_000);
  });
});
