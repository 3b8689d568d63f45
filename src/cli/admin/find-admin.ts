/** Which node a command talks to: the live one where this host can reach it, else one that passes it on. */

import { HoldfastError } from '../../platform/errors.js';
import { readHostIdentity } from '../../platform/node/host-identity.js';
import { type CommandOptions, requireStore, STORE_OPTION } from '../command.js';
import { type GivenLogin, LOGIN_OPTIONS, type Login, readLogin } from '../login.js';
import { adminAddresses, askNodes } from '../status/ask-nodes.js';
import { servingLive } from '../status/status-rules.js';
import { openStoreReader } from '../status/store-reader.js';
import { AdminClient } from './admin-client.js';
import { parseAdminAddress, secureAdminAddress } from './admin-url.js';

/** Of every command that calls the admin API. */
export const ADMIN_OPTIONS = {
  store: STORE_OPTION,
  node: {
    type: 'string',
    requiresArg: true,
    description:
      'HOST:PORT of a node (its admin.listen), or https://HOST:PORT (admin.tlsListen), instead of looking into the store',
  },
  ...LOGIN_OPTIONS,
} as const satisfies CommandOptions;

export interface GivenAdmin extends GivenLogin {
  readonly store: string | undefined;
  readonly node: string | undefined;
}

/** @throws NOBODY_LIVE when no node answers. */
export async function findAdmin(given: GivenAdmin): Promise<AdminClient> {
  const find = await adminFinder(given);
  return find();
}

/** To find it again and again, as `findAdmin` does once: the password is asked for once only. */
export async function adminFinder(given: GivenAdmin): Promise<() => Promise<AdminClient>> {
  const { node } = given;
  if (node !== undefined) {
    const address = parseAdminAddress(node, '--node');
    const client = new AdminClient(address, await readLogin(given));
    return async () => client;
  }
  const store = requireStore(given.store);
  const login = await readLogin(given);
  return () => findInStore(store, login);
}

async function findInStore(store: string, login: Login | null): Promise<AdminClient> {
  const status = await openStoreReader(store).read(0);
  const { admin, https } = servingLive(status)?.addresses ?? {};
  const ofLive = [admin, https === undefined ? undefined : secureAdminAddress(https)];
  const reachable = adminAddresses(status, readHostIdentity());
  const wanted = reachable.filter((address) => ofLive.includes(address));
  for (const address of new Set([...wanted, ...reachable])) {
    if ((await askNodes([address])).reports.length > 0) return new AdminClient(address, login);
  }
  throw new HoldfastError(
    'NOBODY_LIVE',
    `No node of ${store} answers at an admin address that this host can reach; see holdfast status, or name one with --node.`,
  );
}
