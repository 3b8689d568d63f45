/** What checks and fault injection see of the nodes, without a hook in the product: its messages between threads. */

import type { NodeEnd } from '../../../src/node/node.js';
import type { StorageCommand, StorageEvent } from '../../../src/node/storage-protocol.js';
import type { LogFields } from '../../../src/platform/logger.js';
import type { SimulatedNode } from './simulated-node.js';

export interface NodeObserver {
  onStarted(node: SimulatedNode): void;
  /** The storage thread has posted it. */
  onEventPosted(node: SimulatedNode, event: StorageEvent): void;
  /** The main thread is about to receive it. */
  onEventArrived(node: SimulatedNode, event: StorageEvent): void;
  onCommandPosted(node: SimulatedNode, command: StorageCommand): void;
  onLog(node: SimulatedNode, level: string, event: string, fields: LogFields, text: string): void;
  /** It ended by itself (`end`), or was killed (null). */
  onEnded(node: SimulatedNode, end: NodeEnd | null): void;
}
