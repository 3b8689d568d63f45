/** STOMP clients of tests: the shipped client, with short waits and the answering node's name. */
import type { ReceivedMessage } from '../../src/client/received-message.js';
import {
  type AckMode,
  BrokerRefusal,
  connectStomp,
  type StompClient,
} from '../../src/client/stomp-client.js';
import { nodeClock } from '../../src/platform/node/clock.js';
import { NodeNetwork } from '../../src/platform/node/network.js';
import type { HostPort, Network, Socket } from '../../src/platform/ports.js';
import { eventually, within } from './eventually.js';

const nodeNetwork = new NodeNetwork((error) => {
  throw error;
});

export interface TestClientOptions {
  readonly clientId?: string;
  /** Where users are required. */
  readonly login?: string;
  readonly passcode?: string;
  readonly connectTimeoutMs?: number;
  readonly heartbeatMs?: number;
}

export interface NamedClient {
  readonly client: StompClient;
  /** The node that answered CONNECT, which is not the one dialled when a backup passed it on. */
  readonly node: string;
}

export async function connectNamed(
  address: HostPort,
  { connectTimeoutMs = 5_000, heartbeatMs = 0, ...options }: TestClientOptions = {},
): Promise<NamedClient> {
  let node = '';
  const network = noting(nodeNetwork, (name) => {
    node = name;
  });
  const client = await connectStomp([address], {
    network,
    clock: nodeClock,
    connectTimeoutMs,
    heartbeatMs,
    ...options,
  });
  return { client, node };
}

export async function connect(
  address: HostPort,
  options: TestClientOptions = {},
): Promise<StompClient> {
  return (await connectNamed(address, options)).client;
}

/** Messages of one subscription as they come. */
export class Inbox {
  readonly messages: ReceivedMessage[] = [];

  static async open(
    client: StompClient,
    destination: string,
    ack: AckMode,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Inbox> {
    const inbox = new Inbox();
    const onMessage = (message: ReceivedMessage) => inbox.messages.push(message);
    await within(
      `the subscription to ${destination} is confirmed`,
      client.subscribe({ destination, ack, headers, onMessage }),
    );
    return inbox;
  }

  get texts(): string[] {
    return this.messages.map((message) => message.text());
  }

  /** Resolves with all messages so far when there are at least `count`. */
  async atLeast(count: number): Promise<ReceivedMessage[]> {
    await eventually(`${count} messages come`, () => this.messages.length >= count);
    return this.messages;
  }
}

/** True for what the end of a connection does to those who wait; an ERROR frame is not that. */
export function isConnectionLoss(error: unknown): boolean {
  return error instanceof Error && error.name === 'HoldfastError' && !isRefusal(error);
}

export function isRefusal(error: unknown): boolean {
  return error instanceof BrokerRefusal;
}

/** Passes everything on and reads in CONNECTED which node answered. */
function noting(network: Network, onServer: (node: string) => void): Network {
  return {
    listen: (address, onConnection) => network.listen(address, onConnection),
    connect: async (address, timeoutMs) =>
      notingSocket(await network.connect(address, timeoutMs), onServer),
  };
}

function notingSocket(socket: Socket, onServer: (node: string) => void): Socket {
  return {
    remoteAddress: socket.remoteAddress,
    get bufferedBytes() {
      return socket.bufferedBytes;
    },
    write: (bytes) => socket.write(bytes),
    end: () => socket.end(),
    destroy: () => socket.destroy(),
    pauseReading: () => socket.pauseReading(),
    resumeReading: () => socket.resumeReading(),
    peek: (look, limitMs) => socket.peek(look, limitMs),
    receive(events) {
      let beginning: string | null = '';
      socket.receive({
        onDrain: () => events.onDrain(),
        onClose: () => events.onClose(),
        onData(bytes) {
          if (beginning !== null) {
            beginning += Buffer.from(bytes).toString('latin1');
            const server = /\nserver:holdfast\/\S+ (\S+)\n/.exec(beginning)?.[1];
            if (server !== undefined) {
              onServer(server);
              beginning = null;
            }
          }
          events.onData(bytes);
        },
      });
    },
  };
}
