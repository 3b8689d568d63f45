/** What `send` and `receive` have in common on the command line. */

import { parseStompUrl } from '../../client/stomp-url.js';
import { nodeClock } from '../../platform/node/clock.js';
import { NodeNetwork } from '../../platform/node/network.js';
import { usageError } from '../arguments.js';
import type { CommandOptions } from '../command.js';
import { type GivenLogin, LOGIN_OPTIONS, readLogin } from '../login.js';
import { ReconnectingClient } from './reconnecting-client.js';

const DEFAULT_URL = 'stomp://127.0.0.1:61613';
const CONNECT_TIMEOUT_MS = 5_000;
const HEARTBEAT_MS = 10_000;

export const CONNECTION_OPTIONS = {
  url: {
    type: 'string',
    array: true,
    requiresArg: true,
    nargs: 1,
    default: [DEFAULT_URL],
    description: 'A broker; give it several times for several to try in turn',
  },
  retry: {
    type: 'number',
    requiresArg: true,
    default: 10,
    description: 'Seconds to go on trying to connect',
  },
  ...LOGIN_OPTIONS,
} as const satisfies CommandOptions;

export async function openConnection(
  given: GivenLogin & {
    readonly url: readonly (string | number)[];
    readonly retry: number;
  },
): Promise<ReconnectingClient> {
  const login = await readLogin(given);
  const network = new NodeNetwork((error) => {
    throw error;
  });
  return new ReconnectingClient({
    servers: given.url.map((url) => parseStompUrl(String(url))),
    client: {
      network,
      clock: nodeClock,
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      heartbeatMs: HEARTBEAT_MS,
      ...(login === null ? {} : { login: login.user, passcode: login.password }),
    },
    retryMs: given.retry * 1_000,
    onTrouble: (sentence) => process.stderr.write(`holdfast: ${sentence}\n`),
  });
}

/** Throws a usage error unless `value` is a whole number from `minimum`. */
export function requireWhole(name: string, value: number, minimum: number): number {
  if (!Number.isSafeInteger(value) || value < minimum) {
    throw usageError(`--${name} must be a whole number from ${minimum}, but is ${value}.`);
  }
  return value;
}
