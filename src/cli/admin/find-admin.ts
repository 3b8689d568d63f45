/** Which node a command talks to: the live one where this host can reach it, else one that passes it on. */

import type { Options } from 'yargs';
import { parseTargetAddress } from '../../config/address.js';
import { HoldfastError } from '../../platform/errors.js';
import { readHostIdentity } from '../../platform/node/host-identity.js';
import { requireStore } from '../command.js';
import { adminAddresses, askNodes } from '../status/ask-nodes.js';
import { servingLive } from '../status/status-rules.js';
import { openStoreReader } from '../status/store-reader.js';
import { AdminClient } from './admin-client.js';

export const NODE_OPTION = {
  type: 'string',
  requiresArg: true,
  description: 'HOST:PORT of a node (its admin.listen), instead of looking into the store',
} as const satisfies Options;

/** @throws NOBODY_LIVE when no node answers. */
export async function findAdmin(given: {
  readonly store: string | undefined;
  readonly node: string | undefined;
}): Promise<AdminClient> {
  if (given.node !== undefined) {
    parseTargetAddress(given.node, '--node');
    return new AdminClient(given.node);
  }
  const store = requireStore(given.store);
  const status = await openStoreReader(store).read(0);
  const live = servingLive(status)?.addresses.admin;
  const reachable = adminAddresses(status, readHostIdentity());
  const wanted = reachable.filter((address) => address === live);
  for (const address of new Set([...wanted, ...reachable])) {
    if ((await askNodes([address])).length > 0) return new AdminClient(address);
  }
  throw new HoldfastError(
    'NOBODY_LIVE',
    `No node of ${store} answers at an admin address that this host can reach; see holdfast status, or name one with --node.`,
  );
}
