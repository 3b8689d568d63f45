/** A shared storage of its own for one test, with processes on hosts and time that the test moves. */
import { SimulatedProcess } from '../kernel/process.js';
import { SeededRandom } from '../kernel/random.js';
import { Scheduler } from '../kernel/scheduler.js';
import { Trace } from '../kernel/trace.js';
import type {
  CallInterceptor,
  SimulatedFileSystem,
  StorageChange,
  StorageKind,
  StorageProfile,
} from './shared-storage.js';
import { SimulatedStorage } from './simulated-storage.js';

/** As measured, with a lease and a grace period of ten seconds. */
const MEASURED: Omit<StorageProfile, 'kind'> = {
  leaseMs: 10_000,
  graceMs: 10_000,
  endsGraceEarly: false,
  recallMs: 13_000,
  attributeCacheMs: 8_000,
  nameCacheMs: 14_500,
  negativeNameCacheMs: 28_500,
  capacityBytes: 64 * 1024 * 1024,
};

export interface RigOptions {
  readonly kind: StorageKind;
  readonly seed?: number;
  readonly profile?: Partial<StorageProfile>;
  readonly interceptor?: CallInterceptor;
  /** For looking at a test that fails. */
  readonly onTraceLine?: (line: string) => void;
}

export interface RigProcess {
  readonly process: SimulatedProcess;
  readonly host: string;
  readonly fileSystem: SimulatedFileSystem;
}

const NO_FAULTS: CallInterceptor = { before: () => null, after: () => undefined };

export class StorageRig {
  readonly scheduler = new Scheduler();
  readonly storage: SimulatedStorage;
  /** Without the bytes, which are valid only when they are told. */
  readonly changes: StorageChange[] = [];
  #pid = 1;

  constructor(options: RigOptions) {
    const { kind, seed = 1, profile, interceptor = NO_FAULTS, onTraceLine = null } = options;
    this.storage = new SimulatedStorage({
      scheduler: this.scheduler,
      random: new SeededRandom(seed, 'storage'),
      trace: new Trace(this.scheduler, onTraceLine),
      profile: { ...MEASURED, ...profile, kind },
      observer: { onChange: (change) => void this.changes.push({ ...change, bytes: null }) },
      interceptor,
    });
  }

  startProcess(host: string): RigProcess {
    this.#pid += 1;
    const process = new SimulatedProcess(this.scheduler, `${host}.${this.#pid}`, this.#pid);
    return { process, host, fileSystem: this.storage.fileSystemOf(process, host) };
  }

  /** Lets time pass until `promise` is settled. Fails when nothing is left that could settle it in time. */
  async settled<Result>(promise: Promise<Result>, limitMs = 300_000): Promise<Result> {
    let isSettled = false;
    const settle = (): void => {
      isSettled = true;
    };
    promise.then(settle, settle);
    await this.scheduler.run(() => isSettled, this.scheduler.nowMs + limitMs);
    if (!isSettled) throw new Error(`not settled at ${this.scheduler.nowMs} ms`);
    return promise;
  }

  async pass(durationMs: number): Promise<void> {
    const untilMs = this.scheduler.nowMs + durationMs;
    // Something must happen at the end, or time would stop before it.
    this.scheduler.schedule(durationMs, () => undefined);
    await this.scheduler.run(() => this.scheduler.nowMs >= untilMs, untilMs);
  }

  /** Lets time pass by itself, for code that only awaits, until `isDone`. */
  async runOn(isDone: () => boolean): Promise<void> {
    const tick = (): void => void this.scheduler.schedule(1, tick);
    tick();
    await this.scheduler.run(isDone, Number.POSITIVE_INFINITY);
  }
}
