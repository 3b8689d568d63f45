import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Role } from '../../../src/ownership/role.js';
import { SimulatedProcess } from '../kernel/process.js';
import { Scheduler } from '../kernel/scheduler.js';
import { Trace } from '../kernel/trace.js';
import type { StorageOperation } from '../storage/shared-storage.js';
import { FaultInjector } from './fault-injector.js';
import type { Fault } from './fault-plan.js';
import type { FaultNode, FaultTarget } from './fault-target.js';

const CALM_AT_MS = 10_000;

class Rig {
  readonly scheduler = new Scheduler();
  readonly done: string[] = [];
  readonly trace: string[] = [];
  readonly one: { name: string; host: string; role: Role | null } = {
    name: 'one',
    host: 'host-1',
    role: 'live',
  };
  readonly two = { ...this.one, name: 'two', host: 'host-2', role: 'backup' as Role | null };
  readonly processes = new Map<SimulatedProcess, FaultNode>();
  readonly processOne = new SimulatedProcess(this.scheduler, 'one', 1);
  readonly processTwo = new SimulatedProcess(this.scheduler, 'two', 2);
  readonly injector: FaultInjector;

  constructor(faults: readonly Fault[]) {
    this.processes.set(this.processOne, this.one);
    this.processes.set(this.processTwo, this.two);
    this.injector = new FaultInjector({ faults, calmAtMs: CALM_AT_MS });
    this.injector.start(this.#target());
  }

  before(process: SimulatedProcess, operation: StorageOperation, path: string) {
    return this.injector.before({ process, operation, path });
  }

  run(untilMs: number): Promise<void> {
    return this.scheduler.run(() => false, untilMs);
  }

  #target(): FaultTarget {
    const { scheduler, done, one, two } = this;
    const met = (what: string): true => {
      done.push(`${Math.round(scheduler.nowMs)} ${what}`);
      return true;
    };
    const processOf = (name: string) => (name === 'one' ? this.processOne : this.processTwo);
    return {
      scheduler,
      trace: new Trace(scheduler, (line) => this.trace.push(line)),
      nodes: [one, two],
      nodeOf: (process) => this.processes.get(process) ?? null,
      kill: (node) => {
        if (!processOf(node).isAlive) return false;
        processOf(node).die();
        return met(`kill ${node}`);
      },
      stop: (node) => met(`stop ${node}`),
      holdDown: (node) => met(`hold ${node}`),
      letUp: (node) => met(`let ${node}`),
      pause: (node, forMs) => {
        processOf(node).pause(forMs);
        return met(`pause ${node} ${forMs}`);
      },
      lag: (node, lagMs) => met(`lag ${node} ${lagMs}`),
      powerOffHost: (host) => met(`off ${host}`),
      bootHost: (host) => met(`boot ${host}`),
      jumpWallClock: (host, byMs) => met(`jump ${host} ${byMs}`),
      cutStorage: (host, direction) => met(`cut ${host} ${direction}`),
      healStorage: (host) => met(`heal ${host}`),
      restartServer: (downMs) => met(`restart ${downMs}`),
      powerOffServer: (downMs) => met(`server off ${downMs}`),
      fillStorage: (errno) => met(errno),
      freeStorage: () => met('free'),
      cutNetwork: (from, to, mode) => met(`cut ${from} ${to} ${mode}`),
      healNetwork: (from, to) => met(`heal ${from} ${to}`),
      delayNetwork: (from, to, delayMs) => met(`delay ${from} ${to} ${delayMs}`),
      loseNetwork: (from, to, forMs) => met(`lose ${from} ${to} ${forMs}`),
      resetNetwork: (from, to) => met(`reset ${from} ${to}`),
      requestHandover: (to) => met(`hand over ${to}`),
      flipBit: (part) => met(`flip ${part}`),
      spoilSector: (part) => met(`spoil ${part}`),
      removeSegments: () => met('remove segments'),
    };
  }
}

const SEGMENT = '/store/journal/0000000001-0000000001.segment';
const LIVE = { whoever: 'live' } as const;
const CALLER = { whoever: 'caller' } as const;
const atWrite = (at: 'before' | 'after', count: number, delayMs: number) =>
  ({
    at,
    operation: 'write',
    path: 'segment',
    by: 'live',
    count,
    notBeforeMs: 0,
    delayMs,
  }) as const;

describe('fault injection', () => {
  it('has a fault happen at its time, and counts it', async () => {
    const rig = new Rig([
      { when: { at: 'time', atMs: 500 }, what: { kind: 'kill', node: LIVE } },
      { when: { at: 'time', atMs: 600 }, what: { kind: 'kill', node: { name: 'one' } } },
    ]);
    await rig.run(1_000);
    assert.deepEqual(rig.done, ['500 kill one']);
    assert.deepEqual(rig.injector.counts, [{ kind: 'kill', drawn: 2, hit: 1 }]);
  });

  it('kills at exactly the call that was asked for', () => {
    const rig = new Rig([{ when: atWrite('before', 2, 0), what: { kind: 'kill', node: CALLER } }]);
    assert.equal(rig.before(rig.processOne, 'write', SEGMENT), null);
    assert.equal(rig.before(rig.processTwo, 'write', SEGMENT), null);
    assert.equal(rig.before(rig.processOne, 'write', '/store/live'), null);
    assert.equal(rig.before(rig.processOne, 'read', SEGMENT), null);
    assert.ok(rig.processOne.isAlive);
    assert.equal(rig.before(rig.processOne, 'write', SEGMENT), null);
    assert.ok(!rig.processOne.isAlive);
  });

  it('lets a call go out and acts while it is on its way', async () => {
    const rig = new Rig([
      { when: atWrite('before', 1, 0.5), what: { kind: 'kill', node: CALLER } },
    ]);
    assert.equal(rig.before(rig.processOne, 'write', SEGMENT), null);
    assert.ok(rig.processOne.isAlive);
    await rig.run(1);
    assert.ok(!rig.processOne.isAlive);
  });

  it('acts as a call is about to return', () => {
    const rig = new Rig([
      {
        when: atWrite('after', 1, 0),
        what: { kind: 'cut-storage', node: CALLER, direction: 'both', forMs: 100 },
      },
    ]);
    rig.before(rig.processOne, 'write', SEGMENT);
    assert.deepEqual(rig.done, []);
    rig.injector.after({ process: rig.processOne, operation: 'write', path: SEGMENT });
    assert.deepEqual(rig.done, ['0 cut host-1 both']);
  });

  it('fails as many calls as it was asked to, and no more', () => {
    const fault = { kind: 'error', errno: 'EIO' } as const;
    const rig = new Rig([
      { when: atWrite('before', 2, 0), what: { kind: 'fail-call', fault, times: 2 } },
    ]);
    const seen = [1, 2, 3, 4].map(() => rig.before(rig.processOne, 'write', SEGMENT));
    assert.deepEqual(seen, [null, fault, fault, null]);
    assert.deepEqual(rig.injector.counts, [{ kind: 'fail-call', drawn: 1, hit: 1 }]);
  });

  it('acts when a node comes into a role', async () => {
    const rig = new Rig([
      {
        when: { at: 'role', role: 'taking-over', count: 1, notBeforeMs: 0, delayMs: 3 },
        what: { kind: 'pause', node: CALLER, forMs: 50 },
      },
    ]);
    rig.injector.onRole(rig.processTwo, 'backup');
    rig.injector.onRole(rig.processTwo, 'taking-over');
    await rig.run(100);
    assert.deepEqual(rig.done, ['3 pause two 50']);
  });

  it('waits for what belongs with a fault only once that has met something', async () => {
    const cut: Fault = {
      when: { at: 'time', atMs: 100 },
      what: { kind: 'cut-storage', node: { name: 'two' }, direction: 'both', forMs: 5_000 },
      next: [
        { when: { at: 'time', atMs: 50 }, what: { kind: 'stop', node: LIVE } },
        { when: atWrite('before', 1, 0), what: { kind: 'heal-storage' } },
      ],
    };
    const missed: Fault = {
      when: { at: 'time', atMs: 300 },
      what: { kind: 'heal-storage' },
      next: [{ when: { at: 'time', atMs: 1 }, what: { kind: 'kill', node: LIVE } }],
    };
    const rig = new Rig([cut, missed]);
    rig.before(rig.processOne, 'write', SEGMENT);
    rig.scheduler.schedule(200, () => rig.before(rig.processOne, 'write', SEGMENT));
    await rig.run(9_000);
    assert.deepEqual(rig.done, ['100 cut host-2 both', '150 stop one', '200 heal host-2']);
    assert.deepEqual(rig.injector.counts, [
      { kind: 'cut-storage', drawn: 1, hit: 1 },
      { kind: 'stop', drawn: 1, hit: 1 },
      { kind: 'heal-storage', drawn: 2, hit: 1 },
      { kind: 'kill', drawn: 1, hit: 0 },
    ]);
  });

  it('ends of two overlapping faults only with the later one', async () => {
    const cut = (atMs: number, forMs: number): Fault => ({
      when: { at: 'time', atMs },
      what: { kind: 'cut-storage', node: { name: 'two' }, direction: 'both', forMs },
    });
    const rig = new Rig([cut(100, 500), cut(200, 100)]);
    await rig.run(5_000);
    assert.deepEqual(rig.done, ['100 cut host-2 both', '200 cut host-2 both', '600 heal host-2']);
  });

  it('is over when it shall be calm, and begins nothing after it', async () => {
    const rig = new Rig([
      {
        when: { at: 'time', atMs: 9_000 },
        what: { kind: 'power-off-host', node: LIVE, forMs: 60_000 },
      },
      { when: { at: 'time', atMs: CALM_AT_MS }, what: { kind: 'kill', node: { name: 'two' } } },
      { when: atWrite('before', 1, 0), what: { kind: 'kill', node: CALLER } },
    ]);
    await rig.run(20_000);
    assert.deepEqual(rig.done, ['9000 off host-1', '10000 boot host-1']);
    rig.scheduler.schedule(1, () => rig.before(rig.processOne, 'write', SEGMENT));
    await rig.run(30_000);
    assert.ok(rig.processOne.isAlive);
  });

  it('tells in the trace what it does, and what met nothing', async () => {
    const what = { kind: 'kill', node: { name: 'one' } } as const;
    const rig = new Rig([
      { when: { at: 'time', atMs: 1 }, what },
      { when: { at: 'time', atMs: 2 }, what },
    ]);
    await rig.run(10);
    const lines = rig.trace.map((line) => line.replace(/^.*fault +/, ''));
    assert.deepEqual(lines, ['at 1 ms: kill one', 'at 2 ms: kill one', 'met nothing']);
  });
});
