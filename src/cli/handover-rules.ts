/** Why a handover cannot happen, as far as the store tells. The live node has the last word. Pure. */

import { suggestNearest } from '../config/nearest.js';
import { HoldfastError } from '../platform/errors.js';
import type { NodeStatus, StoreStatus } from '../store/store-status.js';
import { isReady, roleOf, servingLive } from './status/status-rules.js';

/** Null when nothing stands in the way of handing over to `to`, or to anybody when it is null. */
export function findHandoverObstacle(status: StoreStatus, to: string | null): HoldfastError | null {
  const live = servingLive(status);
  if (live === null) {
    return new HoldfastError(
      'NOBODY_LIVE',
      'No node is live, so there is nothing to hand over; start one with holdfast start.',
    );
  }
  const others = status.nodes.filter((node) => node.name !== live.node);
  if (to === null) {
    return others.some(isReady)
      ? null
      : refused(`No backup is ready to take over from ${live.node}: ${describeNodes(others)}.`);
  }
  if (to === live.node) {
    return refused(`${to} is the live node already.`);
  }
  const target = others.find((node) => node.name === to);
  if (target === undefined) {
    const names = others.map((node) => node.name);
    return refused(`No node is called ${to}${suggestNearest(to, names) || '.'}`);
  }
  return isReady(target)
    ? null
    : refused(`${to} is not ready to take over: ${describeNodes([target])}.`);
}

function describeNodes(nodes: readonly NodeStatus[]): string {
  if (nodes.length === 0) {
    return 'there is no other node';
  }
  return nodes
    .map(
      (node) => `${node.name} is ${roleOf(node)}${node.detail === '' ? '' : ` (${node.detail})`}`,
    )
    .join(', ');
}

function refused(reason: string): HoldfastError {
  return new HoldfastError('HANDOVER_REFUSED', reason);
}
