/**
 * Makes the storage thread of a real node fail where its faults say, by standing between the engine
 * and both its ways out: the file system, and the channel to the main thread.
 */
import { writeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { StorageCommand, StorageEvent } from '../../../src/node/storage-protocol.js';
import type { Role } from '../../../src/ownership/role.js';
import { killThisProcess } from '../../../src/platform/node/threads.js';
import type { Channel, FileSystem } from '../../../src/platform/ports.js';
import {
  type FileSystemCall,
  type Intercept,
  interceptedFileSystem,
  systemError,
} from '../intercepted-file-system.js';
import type { Fault } from './fault.js';
import { type Moment, momentOfCall, momentOfCommand, momentOfEvent } from './moment.js';

type StorageChannel = Channel<StorageEvent, StorageCommand>;

const STDERR = 2;
const HALF = 0.5;

interface CountedFault {
  readonly fault: Fault;
  count: number;
  isCounting: boolean;
}

export class FaultInjector {
  readonly #storeRoot: string;
  readonly #faults: readonly CountedFault[];
  readonly #called = new Set<Moment>();
  #role: Role = 'joining';

  constructor(storeRoot: string, faults: readonly Fault[]) {
    this.#storeRoot = storeRoot;
    this.#faults = faults.map((fault) => ({
      fault,
      count: 0,
      isCounting: fault.since === undefined,
    }));
  }

  fileSystem(real: FileSystem): FileSystem {
    return interceptedFileSystem(real, this.#intercept);
  }

  /** A message cannot fail, so only `kill` strikes here. */
  channel(real: StorageChannel): StorageChannel {
    return {
      post: (event, transfer) => {
        this.#witness(momentOfEvent(this.#role, event), () => real.post(event, transfer));
        if (event.kind === 'role') this.#role = event.role;
      },
      onMessage: (receiver) =>
        real.onMessage((command) =>
          this.#witness(momentOfCommand(this.#role, command), () => receiver(command)),
        ),
      onClose: (receiver) => real.onClose(receiver),
    };
  }

  #witness(moment: Moment, run: () => void): void {
    if (this.#striking(moment, 'before') !== null) killThisProcess();
    run();
    if (this.#striking(moment, 'after') !== null) killThisProcess();
    this.#passed(moment);
  }

  readonly #intercept: Intercept = async (call, run, runPart) => {
    const moment = momentOfCall(this.#role, this.#storeRoot, call);
    this.#tellCall(moment);
    const before = this.#striking(moment, 'before');
    if (before !== null) await strike(before, call);
    const during = this.#striking(moment, 'during');
    if (during !== null) {
      await runPart(HALF);
      await strike(during, call);
    }
    const result = await run();
    if (result === false) return result;
    const after = this.#striking(moment, 'after');
    if (after !== null) await strike(after, call);
    this.#passed(moment);
    return result;
  };

  #striking(moment: Moment, when: Fault['when']): Fault | null {
    for (const counted of this.#faults) {
      const { fault, isCounting } = counted;
      if (!isCounting || fault.at !== moment || fault.when !== when) continue;
      counted.count += 1;
      const nth = fault.nth ?? 1;
      const strikes = fault.times === 'from-then-on' ? counted.count >= nth : counted.count === nth;
      if (!strikes) continue;
      tell('fault-struck', fault.name);
      return fault;
    }
    return null;
  }

  #passed(moment: Moment): void {
    for (const counted of this.#faults) counted.isCounting ||= counted.fault.since === moment;
  }

  /** Each kind of call once, so that tests can see that their lists have them all. */
  #tellCall(moment: Moment): void {
    if (this.#called.has(moment)) return;
    this.#called.add(moment);
    tell('store-called', moment);
  }
}

async function strike({ effect }: Fault, call: FileSystemCall): Promise<void> {
  switch (effect.kind) {
    case 'kill':
      return killThisProcess();
    case 'fail':
      throw systemError(effect.errno, `${call.operation} ${call.path} (injected)`);
    case 'delay':
      return pause(effect.delayMs, call);
    case 'hang':
      return pause(null, call);
  }
}

/** As long as `delayMs`, or for ever. */
async function pause(delayMs: number | null, call: FileSystemCall): Promise<void> {
  if (call.isSynchronous) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, delayMs ?? undefined);
  } else if (delayMs !== null) {
    await delay(delayMs);
  } else {
    await new Promise<never>(() => undefined);
  }
}

/** One line of the log, written before anything else can happen. */
function tell(event: string, message: string): void {
  writeSync(STDERR, `${JSON.stringify({ level: 'debug', event, message })}\n`);
}
