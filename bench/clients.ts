/** The clients that there are, by what is written on the command line. */

import { amqpClient } from './amqp-client.js';
import type { Client, Protocol } from './client.js';
import { qpidJmsClient } from './jms-load.js';
import { rheaClient } from './rhea-client.js';
import { stompClient } from './stomp-client.js';

export const PROTOCOLS: readonly Protocol[] = ['stomp', 'amqp'];

/** `wire` costs little, so that the broker is what is measured; the others are what people use. */
const CLIENTS: { readonly [name: string]: readonly Client[] } = {
  wire: [stompClient, amqpClient],
  rhea: [rheaClient],
  'qpid-jms': [qpidJmsClient],
};

export const CLIENT_NAMES: readonly string[] = Object.keys(CLIENTS);

export function clientNamed(name: string, protocol: string): Client {
  const client = CLIENTS[name]?.find((one) => one.protocol === protocol);
  if (client !== undefined) return client;
  throw new Error(`There is no client ${name} for the protocol ${protocol}; see --help.`);
}
