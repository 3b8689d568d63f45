/** What `send` and `receive` have in common on the command line. */

import { parseStompUrl } from '../../client/stomp-url.js';
import { CLIENT_VARIABLES } from '../../config/load.js';
import { nodeClock } from '../../platform/node/clock.js';
import { NodeNetwork } from '../../platform/node/network.js';
import { usageError } from '../arguments.js';
import type { CommandOptions } from '../command.js';
import { readSecretFile, readSecretFromInput } from '../secret.js';
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
  user: {
    type: 'string',
    requiresArg: true,
    description: 'Who to log in as; also HOLDFAST_USER. The password: HOLDFAST_PASSWORD, or one of',
  },
  'password-file': {
    type: 'string',
    requiresArg: true,
    description: 'A file with the password of --user',
  },
  'password-stdin': {
    type: 'boolean',
    default: false,
    description: 'Read the password of --user from standard input',
  },
} as const satisfies CommandOptions;

interface GivenLogin {
  readonly user: string | undefined;
  readonly 'password-file': string | undefined;
  readonly 'password-stdin': boolean;
}

export async function openConnection(
  given: GivenLogin & {
    readonly url: readonly (string | number)[];
    readonly retry: number;
  },
): Promise<ReconnectingClient> {
  const login = await loginOf(given);
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
      ...login,
    },
    retryMs: given.retry * 1_000,
    onTrouble: (sentence) => process.stderr.write(`holdfast: ${sentence}\n`),
  });
}

/** The environment is for those that cannot write files: other processes of the same user may read it. */
async function loginOf(
  given: GivenLogin,
): Promise<{ readonly login?: string; readonly passcode?: string }> {
  const login = given.user || process.env[CLIENT_VARIABLES.user];
  const file = given['password-file'];
  if (file !== undefined && given['password-stdin']) {
    throw usageError('Give either --password-file or --password-stdin, not both.');
  }
  if (!login) {
    if (file === undefined && !given['password-stdin']) return {};
    throw usageError(
      `A password is given without a user; pass --user or set ${CLIENT_VARIABLES.user}.`,
    );
  }
  if (file !== undefined) return { login, passcode: readSecretFile(file) };
  if (given['password-stdin']) return { login, passcode: await readSecretFromInput() };
  const passcode = process.env[CLIENT_VARIABLES.password];
  if (passcode) return { login, passcode };
  throw usageError(
    `User ${login} needs a password; pass --password-file or --password-stdin, or set ${CLIENT_VARIABLES.password}.`,
  );
}

/** Throws a usage error unless `value` is a whole number from `minimum`. */
export function requireWhole(name: string, value: number, minimum: number): number {
  if (!Number.isSafeInteger(value) || value < minimum) {
    throw usageError(`--${name} must be a whole number from ${minimum}, but is ${value}.`);
  }
  return value;
}
