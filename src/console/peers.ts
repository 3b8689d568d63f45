/** The other nodes, as the live one knows them. */

import type { NodeReport } from '../node/node-report.js';

export type Peer = NodeReport['peers'][number];

export function couldTakeOver({ role, running, ready }: Peer): boolean {
  return role === 'backup' && running && ready;
}
