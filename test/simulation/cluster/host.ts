/** One machine: its power, its clocks, and the processes that run on it. */
import type { HostIdentity } from '../../../src/platform/ports.js';
import type { HostClocks } from '../kernel/clock.js';
import { SimulatedProcess } from '../kernel/process.js';
import type { Scheduler } from '../kernel/scheduler.js';

/** Some day in 2025: where virtual time begins on a wall clock that is right. */
const WALL_CLOCK_BEGINS_AT_MS = 1_750_000_000_000;
/** Pids begin anew with every boot, so a restarted machine gives the same ones again. */
const FIRST_PID = 500;

/** What notices that a host's power goes or comes: the shared storage, the network. */
export interface PowerWitness {
  powerOffHost(host: string): void;
  bootHost(host: string): void;
}

export interface SimulatedHostOptions {
  readonly scheduler: Scheduler;
  readonly name: string;
  /** How wrong its wall clock is. */
  readonly wallSkewMs: number;
  readonly witnesses: readonly PowerWitness[];
}

export class SimulatedHost {
  readonly name: string;
  readonly #scheduler: Scheduler;
  readonly #witnesses: readonly PowerWitness[];
  readonly #onBoot: (() => void)[] = [];
  #clocks: HostClocks;
  #boots = 1;
  #hasPower = true;
  #nextPid = FIRST_PID;
  #processes: SimulatedProcess[] = [];

  /** It has booted already, and nobody is told of that. */
  constructor(options: SimulatedHostOptions) {
    const { scheduler, name, wallSkewMs, witnesses } = options;
    this.name = name;
    this.#scheduler = scheduler;
    this.#witnesses = witnesses;
    this.#clocks = {
      bootedAtMs: scheduler.nowMs,
      wallOffsetMs: WALL_CLOCK_BEGINS_AT_MS + wallSkewMs,
    };
  }

  /** Of this boot: whoever lives on after it keeps the clocks that it began with. */
  get clocks(): HostClocks {
    return this.#clocks;
  }

  /** Counts from 1. */
  get boots(): number {
    return this.#boots;
  }

  get hasPower(): boolean {
    return this.#hasPower;
  }

  get bootId(): string {
    return `boot-${this.name}-${this.#boots}/1`;
  }

  /** Those that are alive, the oldest first. */
  get processes(): readonly SimulatedProcess[] {
    return this.#processes;
  }

  startProcess(name: string): SimulatedProcess {
    if (!this.#hasPower) throw new Error(`host ${this.name} has no power to run ${name}`);
    const process = new SimulatedProcess(this.#scheduler, name, this.#nextPid);
    this.#nextPid += 1;
    this.#processes.push(process);
    process.onDeath(() => {
      this.#processes = this.#processes.filter((other) => other !== process);
    });
    return process;
  }

  identityOf(process: SimulatedProcess): HostIdentity {
    return { host: this.name, pid: process.pid, bootId: this.bootId };
  }

  /** Its processes are gone and so is what its kernel held in memory. Nobody else is told. Idempotent. */
  powerOff(): void {
    if (!this.#hasPower) return;
    this.#hasPower = false;
    for (const process of [...this.#processes]) process.die();
    for (const witness of this.#witnesses) witness.powerOffHost(this.name);
  }

  /** Idempotent while it runs. */
  boot(): void {
    if (this.#hasPower) return;
    this.#hasPower = true;
    this.#boots += 1;
    this.#nextPid = FIRST_PID;
    const { wallOffsetMs } = this.#clocks;
    this.#clocks = { bootedAtMs: this.#scheduler.nowMs, wallOffsetMs };
    for (const witness of this.#witnesses) witness.bootHost(this.name);
    for (const callback of this.#onBoot) callback();
  }

  /** What the init system does at every further boot. */
  onBoot(callback: () => void): void {
    this.#onBoot.push(callback);
  }

  jumpWallClock(byMs: number): void {
    this.#clocks.wallOffsetMs += byMs;
  }
}
