/**
 * The way of one process's calls: out through fault injection, to the server and back through its
 * host's mount, and then to the thread, which the calls that block have kept busy meanwhile.
 */
import type { SimulatedProcess } from '../kernel/process.js';
import type { SeededRandom } from '../kernel/random.js';
import type { Trace } from '../kernel/trace.js';
import { CACHED_CALL_MS } from './behaviour.js';
import type { WriteFault } from './client.js';
import { TRY_LATER } from './locks.js';
import type { Mount, Request } from './mount.js';
import type {
  CallFault,
  CallInterceptor,
  StorageCall,
  StorageOperation,
} from './shared-storage.js';
import { systemError } from './system-error.js';

/** What a client waits before it asks again a server that was not ready. */
const TRY_AGAIN_MS = { least: 100, most: 1_000 };
/** Some answers take much longer than the call itself, so that what they say is old when it arrives. */
const SLOW_ANSWER = { chance: 0.003, usualMs: 20 };

export interface CallOptions<Result> {
  readonly operation: StorageOperation;
  readonly path: string;
  /** The thread does nothing else until the call returns. */
  readonly blocks: boolean;
  /** How long it usually takes to the server and back; null when the host answers by itself. */
  readonly serverMs: number | null;
  /** Carries it out. */
  readonly work: (fault: WriteFault) => Result | typeof TRY_LATER;
  /** The server loses power while the call is under way. */
  readonly tear?: () => void;
}

export class ProcessCalls {
  readonly process: SimulatedProcess;
  readonly mount: Mount;
  readonly #interceptor: CallInterceptor;
  readonly #random: SeededRandom;
  readonly #trace: Trace;
  #blockedBy: Call<unknown> | null = null;
  readonly #afterwards: (() => void)[] = [];

  constructor(options: {
    readonly process: SimulatedProcess;
    readonly mount: Mount;
    readonly interceptor: CallInterceptor;
    readonly random: SeededRandom;
    readonly trace: Trace;
  }) {
    this.process = options.process;
    this.mount = options.mount;
    this.#interceptor = options.interceptor;
    this.#random = options.random;
    this.#trace = options.trace;
  }

  /** The thread sits in a call: code that goes on in this very event would not run yet. */
  get isBlocked(): boolean {
    return this.#blockedBy !== null;
  }

  /** Makes a call as soon as the thread comes back from the one that blocks it. */
  afterwards<Result>(start: () => Promise<Result>): Promise<Result> {
    return new Promise((resolve) => this.#afterwards.push(() => resolve(start())));
  }

  make<Result>(options: CallOptions<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      const call = new Call(this, options, resolve, reject);
      if (!this.process.isAlive) return;
      call.fault = this.#interceptor.before(call);
      if (!this.process.isAlive) return;
      // What waits for the end of a pause must not be overtaken by calls that come after it.
      if (this.process.isPaused) this.process.storage.run(0, () => this.#begin(call));
      else this.#begin(call);
    });
  }

  #begin<Result>(call: Call<Result>): void {
    const { fault } = call;
    if (call.options.blocks) {
      this.#blockedBy = call as Call<unknown>;
      this.process.storage.block();
    }
    const { scheduler } = this.process;
    if (fault?.kind !== 'delay') {
      this.#send(call);
    } else if (this.#random.chance(0.5)) {
      scheduler.schedule(fault.delayMs, () => {
        if (this.process.isAlive) this.#send(call);
      });
    } else {
      call.answerDelayMs = fault.delayMs;
      this.#send(call);
    }
  }

  #send<Result>(call: Call<Result>): void {
    const { serverMs } = call.options;
    const { scheduler } = this.process;
    call.sentAtMs = scheduler.nowMs;
    if (serverMs === null) {
      scheduler.schedule(this.#random.wait(CACHED_CALL_MS), () => this.carryOut(call));
      return;
    }
    if (this.#random.chance(SLOW_ANSWER.chance)) {
      call.answerDelayMs += this.#random.wait(SLOW_ANSWER.usualMs);
    }
    this.mount.transmit(this.#random.wait(serverMs), call);
    if (this.#trace.isOn && !this.mount.isInContact) this.#note(call, 'hangs');
  }

  carryOut<Result>(call: Call<Result>): void {
    const { work } = call.options;
    try {
      const result = work(this.#faultFor(call));
      if (result === TRY_LATER) {
        if (this.#trace.isOn) this.#note(call, 'must wait for the server');
        const delayMs = this.#random.between(TRY_AGAIN_MS.least, TRY_AGAIN_MS.most);
        this.mount.transmit(delayMs, call);
        return;
      }
      call.result = result;
    } catch (error) {
      call.error = error;
    }
    if (call.options.serverMs === null) this.#return(call);
    else if (call.answerDelayMs === 0 && this.mount.isInContact) this.#return(call);
    else this.#returnLater(call);
  }

  #returnLater<Result>(call: Call<Result>): void {
    this.process.scheduler.schedule(call.answerDelayMs, () =>
      this.mount.reply(() => this.#return(call)),
    );
  }

  /** A fault that the call itself has no say in is its result. */
  #faultFor<Result>({ fault, operation, path }: Call<Result>): WriteFault {
    if (fault === null || fault.kind === 'delay') return null;
    if (operation === 'write' || operation === 'sync' || operation === 'close') return fault;
    if (fault.kind === 'short-write') return null;
    throw systemError(fault.errno, operation, path);
  }

  #return<Result>(call: Call<Result>): void {
    const { process } = this;
    if (!process.isAlive) return;
    if (this.#trace.isOn) this.#note(call, call.error === null ? 'ok' : String(call.error));
    this.#interceptor.after(call);
    if (!process.isAlive) return;
    if (call.options.blocks) process.storage.unblock(() => this.#unblocked(call));
    else process.storage.resume(() => call.settle());
  }

  #unblocked<Result>(call: Call<Result>): void {
    this.#blockedBy = null;
    call.settle();
    while (this.#blockedBy === null) {
      const next = this.#afterwards.shift();
      if (next === undefined) return;
      next();
    }
  }

  #note<Result>({ operation, path, result }: Call<Result>, outcome: string): void {
    const { name } = this.process;
    const isPlain = typeof result === 'number' || typeof result === 'boolean';
    this.#trace.note(name, () => `${operation} ${path}: ${outcome}${isPlain ? ` ${result}` : ''}`);
  }
}

class Call<Result> implements StorageCall, Request {
  readonly #calls: ProcessCalls;
  readonly options: CallOptions<Result>;
  readonly #resolve: (result: Result) => void;
  readonly #reject: (error: unknown) => void;
  fault: CallFault | null = null;
  sentAtMs = 0;
  answerDelayMs = 0;
  result: Result | undefined = undefined;
  error: unknown = null;

  constructor(
    calls: ProcessCalls,
    options: CallOptions<Result>,
    resolve: (result: Result) => void,
    reject: (error: unknown) => void,
  ) {
    this.#calls = calls;
    this.options = options;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  get process(): SimulatedProcess {
    return this.#calls.process;
  }

  get operation(): StorageOperation {
    return this.options.operation;
  }

  get path(): string {
    return this.options.path;
  }

  arrive(): void {
    this.#calls.carryOut(this);
  }

  tear(): void {
    this.options.tear?.();
  }

  settle(): void {
    if (this.error === null) this.#resolve(this.result as Result);
    else this.#reject(this.error);
  }
}
