/**
 * Has the faults of a plan happen: those with a time from the scheduler, those with a place in what
 * nodes do from the storage calls and roles that it is told of. Nothing begins after `calmAtMs`, and
 * whatever lasts is over by then.
 */
import type { Role } from '../../../src/ownership/role.js';
import type { SimulatedProcess } from '../kernel/process.js';
import type { FaultCount } from '../seed-result.js';
import type {
  CallFault,
  CallInterceptor,
  StorageCall,
  StorageOperation,
} from '../storage/shared-storage.js';
import {
  type CallMoment,
  describeFault,
  type Fault,
  type FaultAction,
  type FaultKind,
  type NodeChoice,
} from './fault-plan.js';
import type { FaultNode, FaultTarget } from './fault-target.js';
import { type PathClass, pathClassOf } from './path-class.js';

export interface FaultInjectorOptions {
  readonly faults: readonly Fault[];
  readonly calmAtMs: number;
}

interface Armed {
  readonly fault: Fault;
  readonly when: CallMoment;
  seen: number;
  /** Calls that a `fail-call` fault still has to fail. */
  failing: number;
}

interface ArmedRole {
  readonly fault: Fault;
  readonly when: Extract<Fault['when'], { at: 'role' }>;
  seen: number;
}

export class FaultInjector implements CallInterceptor {
  readonly #options: FaultInjectorOptions;
  #target: FaultTarget | null = null;
  readonly #before = new Map<StorageOperation, Armed[]>();
  readonly #after = new Map<StorageOperation, Armed[]>();
  #roles: ArmedRole[] = [];
  readonly #counts = new Map<FaultKind, { drawn: number; hit: number }>();
  /** Until when something lasts, so that of two that overlap the later end counts. */
  readonly #lastsUntilMs = new Map<string, number>();
  readonly #pathClasses = new Map<string, PathClass>();

  constructor(options: FaultInjectorOptions) {
    this.#options = options;
    this.#countDrawn(options.faults);
  }

  #countDrawn(faults: readonly Fault[]): void {
    for (const { what, next = [] } of faults) {
      this.#count(what.kind).drawn += 1;
      this.#countDrawn(next);
    }
  }

  /** From now on faults happen. Before it, no call may be made. */
  start(target: FaultTarget): void {
    this.#target = target;
    for (const fault of this.#options.faults) this.#arm(fault, target, 0);
  }

  get counts(): FaultCount[] {
    return [...this.#counts].map(([kind, count]) => ({ kind, ...count }));
  }

  before(call: StorageCall): CallFault | null {
    const armed = this.#before.get(call.operation);
    return armed === undefined || armed.length === 0 ? null : this.#onCall(armed, call);
  }

  after(call: StorageCall): void {
    const armed = this.#after.get(call.operation);
    if (armed !== undefined && armed.length > 0) this.#onCall(armed, call);
  }

  /** To be told when a storage thread has posted a new role. */
  onRole(process: SimulatedProcess, role: Role): void {
    if (this.#roles.length === 0) return;
    const target = this.#startedTarget();
    const caller = target.nodeOf(process);
    if (caller === null) return;
    for (const armed of [...this.#roles]) {
      const { when, fault } = armed;
      if (when.role !== role || target.scheduler.nowMs < when.notBeforeMs) continue;
      armed.seen += 1;
      if (armed.seen < when.count) continue;
      this.#roles = this.#roles.filter((other) => other !== armed);
      // Never inside the call that told of it: the message itself is on its way then.
      target.scheduler.schedule(when.delayMs, () => this.#carryOut(fault, caller));
    }
  }

  /** Its times count from `sinceMs`. */
  #arm(fault: Fault, target: FaultTarget, sinceMs: number): void {
    switch (fault.when.at) {
      case 'time': {
        const inMs = sinceMs + fault.when.atMs - target.scheduler.nowMs;
        target.scheduler.schedule(inMs, () => this.#carryOut(fault, null));
        return;
      }
      case 'role': {
        const when = { ...fault.when, notBeforeMs: sinceMs + fault.when.notBeforeMs };
        this.#roles.push({ fault, when, seen: 0 });
        return;
      }
      default: {
        const when = { ...fault.when, notBeforeMs: sinceMs + fault.when.notBeforeMs };
        const table = when.at === 'before' ? this.#before : this.#after;
        const list = table.get(when.operation) ?? [];
        list.push({ fault, when, seen: 0, failing: 0 });
        table.set(when.operation, list);
      }
    }
  }

  #onCall(list: Armed[], call: StorageCall): CallFault | null {
    const target = this.#startedTarget();
    const caller = target.nodeOf(call.process);
    if (caller === null || target.scheduler.nowMs >= this.#options.calmAtMs) return null;
    const pathClass = this.#pathClassOf(call.path);
    let result: CallFault | null = null;
    // Backwards: what is done goes out of the list.
    for (let at = list.length - 1; at >= 0; at -= 1) {
      const armed = list[at] as Armed;
      if (armed.when.path !== pathClass || armed.when.by !== caller.role) continue;
      if (target.scheduler.nowMs < armed.when.notBeforeMs) continue;
      armed.seen += 1;
      if (armed.seen < armed.when.count) continue;
      if (armed.fault.what.kind === 'fail-call') {
        result = this.#failCall(list, at, armed) ?? result;
        continue;
      }
      list.splice(at, 1);
      this.#reach(armed, caller);
    }
    return result;
  }

  #failCall(list: Armed[], at: number, armed: Armed): CallFault | null {
    const { what } = armed.fault;
    if (what.kind !== 'fail-call') return null;
    if (armed.seen === armed.when.count) {
      armed.failing = what.times;
      this.#note(armed.fault);
      this.#hit(armed.fault);
    }
    armed.failing -= 1;
    if (armed.failing === 0) list.splice(at, 1);
    if (what.fault.kind !== 'delay') return what.fault;
    return { kind: 'delay', delayMs: this.#capped(what.fault.delayMs) };
  }

  /** The moment has come. A call of a process that is dead or paused now goes out never or later: the storage sees to it. */
  #reach({ fault, when }: Armed, caller: FaultNode): void {
    if (when.delayMs === 0) {
      this.#carryOut(fault, caller);
      return;
    }
    const { scheduler } = this.#startedTarget();
    scheduler.schedule(when.delayMs, () => this.#carryOut(fault, caller));
  }

  #carryOut(fault: Fault, caller: FaultNode | null): void {
    const target = this.#startedTarget();
    if (target.scheduler.nowMs >= this.#options.calmAtMs) return;
    this.#note(fault);
    if (this.#act(target, fault.what, caller)) this.#hit(fault);
    else target.trace.note('fault', () => '  met nothing');
  }

  #hit({ what, next = [] }: Fault): void {
    this.#count(what.kind).hit += 1;
    const target = this.#startedTarget();
    for (const fault of next) this.#arm(fault, target, target.scheduler.nowMs);
  }

  #act(target: FaultTarget, what: FaultAction, caller: FaultNode | null): boolean {
    switch (what.kind) {
      case 'heal-storage':
        return this.#healStorage(target);
      case 'restart-server':
        return target.restartServer(this.#capped(what.downMs));
      case 'power-off-server':
        return target.powerOffServer(this.#capped(what.downMs));
      case 'cut-network': {
        const { from, to, mode, forMs } = what;
        const begin = (): boolean => target.cutNetwork(from, to, mode);
        return this.#last(`cut ${from} ${to}`, forMs, begin, () => target.healNetwork(from, to));
      }
      case 'delay-network': {
        const { from, to, delayMs, forMs } = what;
        const begin = (): boolean => target.delayNetwork(from, to, delayMs);
        return this.#last(`delay ${from} ${to}`, forMs, begin, () =>
          target.delayNetwork(from, to, 0),
        );
      }
      case 'lose-network':
        return target.loseNetwork(what.from, what.to, this.#capped(what.forMs));
      case 'reset-network':
        return target.resetNetwork(what.from, what.to);
      case 'fill-storage': {
        const begin = (): boolean => target.fillStorage(what.errno);
        return this.#last('fill', what.forMs, begin, () => target.freeStorage());
      }
      case 'hand-over':
        return target.requestHandover(what.to);
      case 'flip-bit':
        return target.flipBit(what.part);
      case 'spoil-sector':
        return target.spoilSector(what.part);
      case 'remove-segments':
        return target.removeSegments();
      case 'fail-call':
        throw new Error('a call can fail only at a `before` moment');
      default: {
        const node = chosen(target, what.node, caller);
        return node !== null && this.#actOnNode(target, what, node);
      }
    }
  }

  #actOnNode(
    target: FaultTarget,
    what: Extract<FaultAction, { node: NodeChoice }>,
    { name, host }: FaultNode,
  ): boolean {
    switch (what.kind) {
      case 'kill':
        return target.kill(name);
      case 'stop':
        return target.stop(name);
      case 'pause':
        return target.pause(name, this.#capped(what.forMs));
      case 'jump-clock':
        return target.jumpWallClock(host, what.byMs);
      case 'hold-down': {
        const begin = (): boolean => {
          target.holdDown(name);
          return target.kill(name);
        };
        return this.#last(`down ${name}`, what.forMs, begin, () => target.letUp(name));
      }
      case 'lag': {
        const begin = (): boolean => target.lag(name, what.lagMs);
        return this.#last(`lag ${name}`, what.forMs, begin, () => target.lag(name, 0));
      }
      case 'power-off-host': {
        const begin = (): boolean => target.powerOffHost(host);
        return this.#last(`power ${host}`, what.forMs, begin, () => target.bootHost(host));
      }
      case 'cut-storage': {
        const begin = (): boolean => target.cutStorage(host, what.direction);
        return this.#last(`storage ${host}`, what.forMs, begin, () => target.healStorage(host));
      }
    }
  }

  #healStorage(target: FaultTarget): boolean {
    let hasHealed = false;
    for (const host of new Set(target.nodes.map((node) => node.host))) {
      if ((this.#lastsUntilMs.get(`storage ${host}`) ?? 0) <= target.scheduler.nowMs) continue;
      this.#lastsUntilMs.delete(`storage ${host}`);
      target.healStorage(host);
      hasHealed = true;
    }
    return hasHealed;
  }

  /** Begins something that ends `forMs` later, or with the end of another one of its kind if that is later. */
  #last(key: string, forMs: number, begin: () => boolean, end: () => void): boolean {
    const { scheduler } = this.#startedTarget();
    const untilMs = scheduler.nowMs + this.#capped(forMs);
    const hasBegun = begin();
    this.#lastsUntilMs.set(key, Math.max(untilMs, this.#lastsUntilMs.get(key) ?? 0));
    scheduler.schedule(untilMs - scheduler.nowMs, () => {
      if (scheduler.nowMs < (this.#lastsUntilMs.get(key) ?? Number.POSITIVE_INFINITY)) return;
      this.#startedTarget().trace.note('fault', () => `over: ${key}`);
      end();
    });
    return hasBegun;
  }

  #capped(durationMs: number): number {
    return Math.min(durationMs, this.#options.calmAtMs - this.#startedTarget().scheduler.nowMs);
  }

  #note(fault: Fault): void {
    this.#startedTarget().trace.note('fault', () => describeFault(fault));
  }

  #pathClassOf(path: string): PathClass {
    let pathClass = this.#pathClasses.get(path);
    if (pathClass === undefined) {
      pathClass = pathClassOf(path);
      this.#pathClasses.set(path, pathClass);
    }
    return pathClass;
  }

  #count(kind: FaultKind): { drawn: number; hit: number } {
    let count = this.#counts.get(kind);
    if (count === undefined) {
      count = { drawn: 0, hit: 0 };
      this.#counts.set(kind, count);
    }
    return count;
  }

  #startedTarget(): FaultTarget {
    if (this.#target === null) throw new Error('faults were asked for before they were started');
    return this.#target;
  }
}

function chosen(
  target: FaultTarget,
  choice: NodeChoice,
  caller: FaultNode | null,
): FaultNode | null {
  const { nodes } = target;
  if ('name' in choice) return nodes.find(({ name }) => name === choice.name) ?? null;
  switch (choice.whoever) {
    case 'caller':
      return caller;
    case 'other':
      return nodes.find(({ name, role }) => name !== caller?.name && role !== null) ?? null;
    case 'live':
      return nodes.find(({ role }) => role === 'live' || role === 'handing-over') ?? null;
    case 'backup':
      return nodes.find(({ role }) => role === 'backup') ?? null;
  }
}
