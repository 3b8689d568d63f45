/** What fault injection needs of a simulated world. Every method says whether it met something. */
import type { Role } from '../../../src/ownership/role.js';
import type { SimulatedProcess } from '../kernel/process.js';
import type { Scheduler } from '../kernel/scheduler.js';
import type { Trace } from '../kernel/trace.js';

export interface FaultNode {
  readonly name: string;
  readonly host: string;
  /** As its storage thread has posted it last; null while it does not run. */
  readonly role: Role | null;
}

export interface FaultTarget {
  readonly scheduler: Scheduler;
  readonly trace: Trace;
  /** All that there are, running or not, always in the same order. */
  readonly nodes: readonly FaultNode[];
  /** Null for a process that is no node, and for an earlier run of one. */
  nodeOf(process: SimulatedProcess): FaultNode | null;

  /** kill -9. The supervisor starts it again. */
  kill(node: string): boolean;
  /** SIGTERM. The supervisor starts it again. */
  stop(node: string): boolean;
  /** From now on the supervisor does not start it, or does again. */
  holdDown(node: string): void;
  letUp(node: string): void;
  pause(node: string, forMs: number): boolean;
  /** 0 ends it. */
  lag(node: string, lagMs: number): boolean;

  /** False when its power is off already. Its nodes are dead afterwards, and start with the boot. */
  powerOffHost(host: string): boolean;
  bootHost(host: string): void;
  jumpWallClock(host: string, byMs: number): boolean;

  cutStorage(host: string, direction: 'both' | 'to-server' | 'from-server'): boolean;
  healStorage(host: string): void;
  restartServer(downMs: number): boolean;
  powerOffServer(downMs: number): boolean;
  fillStorage(errno: 'ENOSPC' | 'EDQUOT'): boolean;
  freeStorage(): void;

  cutNetwork(from: string, to: string, mode: 'both' | 'one-way'): boolean;
  healNetwork(from: string, to: string): void;
  /** 0 ends it. */
  delayNetwork(from: string, to: string, delayMs: number): boolean;
  loseNetwork(from: string, to: string, forMs: number): boolean;
  resetNetwork(from: string, to: string): boolean;

  /** As `holdfast handover` does. */
  requestHandover(to: string | null): boolean;
  /** Damages the journal on the disk; false when there is no block but the last. */
  flipBit(part: number): boolean;
  spoilSector(part: number): boolean;
  /** As an operator does who takes the store for another one. */
  removeSegments(): boolean;
}
