/** Which node a command talks to: the live one where this host can reach it, else one that passes it on. */

import { parseTargetAddress } from '../../config/address.js';
import { HoldfastError } from '../../platform/errors.js';
import { readHostIdentity } from '../../platform/node/host-identity.js';
import { type CommandOptions, requireStore, STORE_OPTION } from '../command.js';
import { type GivenLogin, LOGIN_OPTIONS, readLogin } from '../login.js';
import { adminAddresses, askNodes } from '../status/ask-nodes.js';
import { servingLive } from '../status/status-rules.js';
import { openStoreReader } from '../status/store-reader.js';
import { AdminClient } from './admin-client.js';

/** Of every command that calls the admin API. */
export const ADMIN_OPTIONS = {
  store: STORE_OPTION,
  node: {
    type: 'string',
    requiresArg: true,
    description: 'HOST:PORT of a node (its admin.listen), instead of looking into the store',
  },
  ...LOGIN_OPTIONS,
} as const satisfies CommandOptions;

export interface GivenAdmin extends GivenLogin {
  readonly store: string | undefined;
  readonly node: string | undefined;
}

/** @throws NOBODY_LIVE when no node answers. */
export async function findAdmin(given: GivenAdmin): Promise<AdminClient> {
  if (given.node !== undefined) parseTargetAddress(given.node, '--node');
  else requireStore(given.store);
  const login = await readLogin(given);
  if (given.node !== undefined) return new AdminClient(given.node, login);
  const store = requireStore(given.store);
  const status = await openStoreReader(store).read(0);
  const live = servingLive(status)?.addresses.admin;
  const reachable = adminAddresses(status, readHostIdentity());
  const wanted = reachable.filter((address) => address === live);
  for (const address of new Set([...wanted, ...reachable])) {
    if ((await askNodes([address])).length > 0) return new AdminClient(address, login);
  }
  throw new HoldfastError(
    'NOBODY_LIVE',
    `No node of ${store} answers at an admin address that this host can reach; see holdfast status, or name one with --node.`,
  );
}
