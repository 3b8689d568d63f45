/** What `send` and `receive` have in common on the command line. */

import { isOverTls, parseStompUrl } from '../../client/stomp-url.js';
import { nodeClock } from '../../platform/node/clock.js';
import { NodeNetwork, type TlsClientOptions, TlsNetwork } from '../../platform/node/network.js';
import { requireSeconds, usageError } from '../arguments.js';
import type { CommandOptions } from '../command.js';
import { type GivenLogin, LOGIN_OPTIONS, readLogin } from '../login.js';
import { readSecretFile } from '../secret.js';
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
    description:
      'A broker, stomp:// or stomp+ssl:// for TLS; give it several times for several to try in turn',
  },
  retry: {
    type: 'number',
    requiresArg: true,
    default: 10,
    description: 'Seconds to go on trying to connect; 0: try each broker once',
  },
  ...LOGIN_OPTIONS,
  ca: {
    type: 'string',
    requiresArg: true,
    description: 'With stomp+ssl: PEM file of the authorities to trust; default: those of Node.js',
  },
  certificate: {
    type: 'string',
    requiresArg: true,
    description: 'With stomp+ssl: PEM file of the certificate to show; without --user it logs in',
  },
  key: {
    type: 'string',
    requiresArg: true,
    description: 'PEM file of the private key of --certificate',
  },
} as const satisfies CommandOptions;

interface GivenTls {
  readonly ca: string | undefined;
  readonly certificate: string | undefined;
  readonly key: string | undefined;
}

export async function openConnection(
  given: GivenLogin &
    GivenTls & {
      readonly url: readonly (string | number)[];
      readonly retry: number;
    },
): Promise<ReconnectingClient> {
  const retryMs = given.retry === 0 ? 0 : requireSeconds('retry', given.retry);
  const login = await readLogin(given);
  const urls = given.url.map(String);
  const network = networkFor(urls, given);
  return new ReconnectingClient({
    servers: urls.map(parseStompUrl),
    client: {
      network,
      clock: nodeClock,
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      heartbeatMs: HEARTBEAT_MS,
      ...(login === null ? {} : { login: login.user, passcode: login.password }),
    },
    retryMs,
    onTrouble: (sentence) => process.stderr.write(`holdfast: ${sentence}\n`),
  });
}

function networkFor(urls: readonly string[], given: GivenTls): NodeNetwork {
  const fail = (error: Error): never => {
    throw error;
  };
  const { ca, certificate, key } = given;
  const isSecure = urls.some(isOverTls);
  if (isSecure && !urls.every(isOverTls)) {
    throw usageError('Give either stomp:// or stomp+ssl:// for every --url, not both.');
  }
  if (!isSecure && [ca, certificate, key].some((file) => file !== undefined)) {
    throw usageError('--ca, --certificate and --key need --url stomp+ssl://HOST:PORT.');
  }
  if ((certificate === undefined) !== (key === undefined)) {
    throw usageError('Give both --certificate and --key, or none of them.');
  }
  if (!isSecure) return new NodeNetwork(fail);
  const files = Object.entries({ authority: ca, certificate, key });
  const read = files.flatMap(([name, file]) =>
    file === undefined ? [] : [[name, readSecretFile(file)] as const],
  );
  return new TlsNetwork(Object.fromEntries(read) as TlsClientOptions, fail);
}
