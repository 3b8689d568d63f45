/**
 * One run of one node: the product's own two threads, put together as run-node.ts and the storage
 * thread's entry do it, with simulated ports. Whatever ends the process ends this run; a restart
 * is another one.
 */
import type { Broker } from '../../../src/broker/broker.js';
import type { Config } from '../../../src/config/schema.js';
import { type FenceFamily, fencesOf } from '../../../src/doctor/fences.js';
import { assembleMainThread } from '../../../src/node/main-thread.js';
import type { Node, NodeEnd } from '../../../src/node/node.js';
import { StorageEngine } from '../../../src/node/storage-engine.js';
import type { StorageCommand, StorageEvent } from '../../../src/node/storage-protocol.js';
import type { StorageSettings } from '../../../src/node/storage-world.js';
import { PULSE, PULSE_BYTES, Watchdog } from '../../../src/node/watchdog.js';
import type { Role } from '../../../src/ownership/role.js';
import { HoldfastError, messageOf } from '../../../src/platform/errors.js';
import type { LogFields, Logger } from '../../../src/platform/logger.js';
import { nodeCryptography } from '../../../src/platform/node/cryptography.js';
import type { Channel, Network } from '../../../src/platform/ports.js';
import { storeLayout } from '../../../src/store/layout.js';
import { connectThreads } from '../kernel/channel.js';
import { SimulatedClock } from '../kernel/clock.js';
import type { SimulatedProcess } from '../kernel/process.js';
import { SeededRandom } from '../kernel/random.js';
import type { Scheduler } from '../kernel/scheduler.js';
import type { Trace } from '../kernel/trace.js';
import type { SharedStorage, StorageKind } from '../storage/shared-storage.js';
import { SimulatedHeartbeat } from './heartbeat.js';
import type { SimulatedHost } from './host.js';
import type { NodeObserver, ObservedNode } from './observer.js';
import { PollingWatcher } from './watch-directory.js';

/** From the start of the process to the first line of the node, and from there to its storage thread. */
const USUAL_LAUNCH_MS = 80;
const USUAL_THREAD_START_MS = 20;
/** From the end of the node to the end of its process. */
const USUAL_EXIT_MS = 5;
/** TimeoutStopSec of the systemd unit: what has not stopped by then is killed. */
const STOP_LIMIT_MS = 30_000;

/** What the product takes each kind of storage for: a mount that lies about its locks looks sound. */
export const FAMILY: { readonly [kind in StorageKind]: FenceFamily } = {
  nfs4: 'nfs4',
  'nfs4-local-locks': 'nfs4',
  nfs3: 'nfs3',
  cluster: 'cluster',
  local: 'local',
};

/** Everything around a node that all nodes share. */
export interface NodeSurroundings {
  readonly scheduler: Scheduler;
  readonly seed: number;
  readonly storage: Pick<SharedStorage, 'profile' | 'fileSystemOf'>;
  readonly network: { portOf(process: SimulatedProcess, hostName: string): Network };
  readonly observer: NodeObserver;
  readonly trace: Trace;
}

/** A node as it is installed on a host, whether it runs or not. */
export interface NodePlan {
  readonly name: string;
  readonly host: SimulatedHost;
  readonly config: Config;
}

export class SimulatedNode implements ObservedNode {
  readonly name: string;
  readonly host: SimulatedHost;
  readonly config: Config;
  readonly run: number;
  readonly process: SimulatedProcess;
  readonly startedAtMs: number;
  readonly #surroundings: NodeSurroundings;
  readonly #random: SeededRandom;
  #node: Node | null = null;
  #end: NodeEnd | null = null;
  #role: Role = 'joining';
  #epoch = 0;
  #onStorageClosed: (reason: string) => void = () => undefined;

  /** Starts at once. */
  constructor(plan: NodePlan, run: number, surroundings: NodeSurroundings) {
    this.name = plan.name;
    this.host = plan.host;
    this.config = plan.config;
    this.run = run;
    this.#surroundings = surroundings;
    this.startedAtMs = surroundings.scheduler.nowMs;
    this.process = plan.host.startProcess(`${plan.name}.${run}`);
    this.#random = this.#stream('process');
    surroundings.trace.note(this.name, () => `starts, run ${run}, pid ${this.process.pid}`);
    surroundings.observer.onStarted(this);
    this.process.onDeath(() => surroundings.observer.onEnded(this, this.#end));
    this.process.main.run(this.#random.wait(USUAL_LAUNCH_MS), () => this.#launch());
  }

  get role(): Role {
    return this.#role;
  }

  get knownRole(): Role {
    return this.#node?.role ?? 'joining';
  }

  get epoch(): number {
    return this.#epoch;
  }

  get broker(): Broker | null {
    return this.#node?.broker ?? null;
  }

  get isAlive(): boolean {
    return this.process.isAlive;
  }

  get end(): NodeEnd | null {
    return this.#end;
  }

  /** SIGKILL. */
  kill(): void {
    this.#surroundings.trace.note(this.name, () => 'is killed');
    this.process.die();
  }

  /** SIGTERM, and SIGKILL when that does not help in time. */
  stop(): void {
    const { scheduler, trace } = this.#surroundings;
    trace.note(this.name, () => 'is told to stop');
    this.process.main.run(0, () => {
      if (this.#node === null) this.process.die();
      else this.#node.stop();
    });
    scheduler.schedule(STOP_LIMIT_MS, () => this.process.die());
  }

  /** SIGSTOP, and SIGCONT after `durationMs`. */
  pause(durationMs: number): void {
    this.#surroundings.trace.note(this.name, () => `is paused for ${Math.round(durationMs)} ms`);
    this.process.pause(durationMs);
  }

  #launch(): void {
    const { network } = this.#surroundings;
    const { process, host, config } = this;
    const pulses = new Int32Array(new SharedArrayBuffer(PULSE_BYTES));
    const threads = connectThreads<StorageCommand, StorageEvent>(
      process.main,
      process.storage,
      this.#stream('channel'),
      {
        toSecond: { posted: (command) => this.#onCommandPosted(command), arrived: () => undefined },
        toFirst: {
          posted: (event) => this.#onEventPosted(event),
          arrived: (event) => this.#surroundings.observer.onEventArrived(this, event),
        },
      },
    );
    process.storage.run(this.#random.wait(USUAL_THREAD_START_MS), () =>
      this.#runStorageThread(threads.second, pulses),
    );
    const { node, watchdog } = assembleMainThread({
      config,
      identity: host.identityOf(process),
      version: 'simulated',
      clock: new SimulatedClock(process.main, host.clocks),
      random: this.#stream('sessions'),
      cryptography: nodeCryptography,
      network: network.portOf(process, host.name),
      logger: this.#logger(),
      channel: {
        ...onlyPassing(threads.first),
        onClose: (receiver) => {
          this.#onStorageClosed = receiver;
        },
      },
      pulses,
      killProcess: () => process.die(),
    });
    this.#node = node;
    void node.ended.then((end) => {
      watchdog.stop();
      this.#exit(end);
    });
    node.start({}).catch((error: unknown) => {
      watchdog.stop();
      this.#exit(asEnd(error));
    });
  }

  #runStorageThread(
    channel: Channel<StorageEvent, StorageCommand>,
    pulses: Int32Array<SharedArrayBuffer>,
  ): void {
    const { storage } = this.#surroundings;
    const { process, host, config } = this;
    const clock = new SimulatedClock(process.storage, host.clocks);
    const fileSystem = storage.fileSystemOf(process, host.name);
    const layout = storeLayout(config.store);
    new Watchdog({
      clock,
      pulses,
      mine: PULSE.storage,
      other: PULSE.main,
      limitMs: config.ownership.storeStallLimitMs,
      isArmed: () => true,
      onSilence: () => process.die(),
    });
    const settings: StorageSettings = {
      layout,
      name: this.name,
      identity: host.identityOf(process),
      version: 'simulated',
      isFencedByServer: fencesOf(FAMILY[storage.profile.kind])[0]?.holds === 'yes',
      isSharedByHosts: storage.profile.kind !== 'local',
      ...config.ownership,
      segmentBytes: config.journal.segmentBytes,
    };
    const engine = new StorageEngine(
      {
        fileSystem,
        clock,
        random: this.#stream('storage'),
        heartbeat: new SimulatedHeartbeat(fileSystem, clock, layout.witnessTarget),
        watchDirectory: (path, onChange) => new PollingWatcher(fileSystem, clock, path, onChange),
        channel,
      },
      settings,
    );
    // A worker that throws ends, and the main thread is told.
    engine.run().catch((error: unknown) => {
      process.main.run(0, () => this.#onStorageClosed(messageOf(error)));
    });
  }

  #exit(end: NodeEnd): void {
    this.#end = end;
    this.#surroundings.trace.note(
      this.name,
      () => `ends: ${end.exitCodeReason ?? 'in good order'}: ${end.sentence}`,
    );
    this.process.main.run(this.#random.wait(USUAL_EXIT_MS), () => this.process.die());
  }

  #onCommandPosted(command: StorageCommand): void {
    this.#surroundings.observer.onCommandPosted(this, command);
  }

  #onEventPosted(event: StorageEvent): void {
    if (event.kind === 'role') {
      this.#role = event.role;
      this.#epoch = event.epoch;
    }
    this.#surroundings.observer.onEventPosted(this, event);
  }

  #logger(): Logger {
    return {
      debug: (event, fields, text) => this.#onLog('debug', event, fields, text),
      info: (event, fields, text) => this.#onLog('info', event, fields, text),
      warn: (event, fields, text) => this.#onLog('warn', event, fields, text),
      error: (event, fields, text) => this.#onLog('error', event, fields, text),
    };
  }

  #onLog(level: string, event: string, fields: LogFields, text: string): void {
    const { trace, observer } = this.#surroundings;
    if (trace.isOn) trace.note(this.name, () => `${level} ${event}: ${text}`);
    observer.onLog(this, level, event, fields, text);
  }

  #stream(what: string): SeededRandom {
    return new SeededRandom(this.#surroundings.seed, `node ${this.name} ${this.run} ${what}`);
  }
}

function onlyPassing<Out, In>(
  channel: Channel<Out, In>,
): Pick<Channel<Out, In>, 'post' | 'onMessage'> {
  return {
    post: (message) => channel.post(message),
    onMessage: (receiver) => channel.onMessage(receiver),
  };
}

function asEnd(error: unknown): NodeEnd {
  const exitCodeReason = error instanceof HoldfastError ? error.code : 'UNEXPECTED';
  return { exitCodeReason, sentence: messageOf(error) };
}
