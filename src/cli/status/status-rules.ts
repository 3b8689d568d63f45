/** What to make of what the store says. Pure. */

import type { LiveDocument } from '../../store/documents.js';
import type { NodeStatus, StoreStatus } from '../../store/store-status.js';

/** Who serves clients now. A node that is still taking over does not. */
export function servingLive(status: StoreStatus): LiveDocument | null {
  return status.live === null || status.live.state === 'taking-over' ? null : status.live;
}

/** A node whose process is gone has no role, whatever it wrote last. */
export function roleOf(node: NodeStatus): string {
  return node.running === 'no' ? 'stopped' : node.role;
}

export function isReady(node: NodeStatus): boolean {
  return node.running !== 'no' && node.ready;
}
