/** Finds ports for the nodes of `holdfast pair`: the usual ones, or others when those are taken. */

import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { errnoOf } from '../../platform/errors.js';

const HOST = '127.0.0.1';

/** `preferred`, or a port that is free now when somebody else listens there. */
export async function findFreePort(preferred: number): Promise<number> {
  return (await tryPort(preferred)) ?? (await tryPort(0)) ?? preferred;
}

async function tryPort(port: number): Promise<number | null> {
  const server = createServer();
  server.listen(port, HOST);
  try {
    await once(server, 'listening');
  } catch (error) {
    if (errnoOf(error) === 'EADDRINUSE') {
      return null;
    }
    throw error;
  }
  const bound = (server.address() as AddressInfo).port;
  server.close();
  await once(server, 'close');
  return bound;
}
