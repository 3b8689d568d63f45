/** What checks and fault injection see of the nodes, without a hook in the product: its messages between threads. */

import type { Broker } from '../../../src/broker/broker.js';
import type { NodeEnd } from '../../../src/node/node.js';
import type { StorageCommand, StorageEvent } from '../../../src/node/storage-protocol.js';
import type { Role } from '../../../src/ownership/role.js';
import type { LogFields } from '../../../src/platform/logger.js';
import type { SimulatedProcess } from '../kernel/process.js';
import type { SimulatedHost } from './host.js';

/** One run of one node: what is known of it from outside. */
export interface ObservedNode {
  readonly name: string;
  /** Counts the runs of this node, from 1. */
  readonly run: number;
  readonly host: SimulatedHost;
  readonly process: SimulatedProcess;
  readonly startedAtMs: number;
  /** As the storage thread has posted it last. */
  readonly role: Role;
  /** As the main thread knows it, which hears of it later. */
  readonly knownRole: Role;
  /** Of its tenure, or the one that it last heard of. */
  readonly epoch: number;
  /** Null until the process has come so far. */
  readonly broker: Broker | null;
  readonly isAlive: boolean;
  /** How it ended by itself; null before, and when it was killed. */
  readonly end: NodeEnd | null;
}

export interface NodeObserver {
  onStarted(node: ObservedNode): void;
  /** The storage thread has posted it. */
  onEventPosted(node: ObservedNode, event: StorageEvent): void;
  /** The main thread is about to receive it. */
  onEventArrived(node: ObservedNode, event: StorageEvent): void;
  onCommandPosted(node: ObservedNode, command: StorageCommand): void;
  onLog(node: ObservedNode, level: string, event: string, fields: LogFields, text: string): void;
  /** It ended by itself (`end`), or was killed (null). */
  onEnded(node: ObservedNode, end: NodeEnd | null): void;
}
