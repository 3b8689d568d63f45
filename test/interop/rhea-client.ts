/** A `rhea` client of one test, with what happens to it gathered. */
import type { TestContext } from 'node:test';
import rhea, {
  type Connection,
  type ConnectionOptions,
  type EventContext,
  type Message,
  type Receiver,
  type ReceiverOptions,
  type Sender,
  type SenderOptions,
} from 'rhea';
import { parseTargetAddress } from '../../src/config/address.js';
import { atEnd } from '../support/at-end.js';
import { eventually, within } from '../support/eventually.js';
import type { NodeProcess } from '../support/node-process.js';

export interface Delivery {
  readonly message: Message;
  readonly context: EventContext;
}

/** Resolves with the first of these events of `link`; rejects when the link or its session fails. */
export function once(
  emitter: Sender | Receiver | Connection,
  event: string,
): Promise<EventContext> {
  const happened = new Promise<EventContext>((resolve, reject) => {
    emitter.once(event as never, resolve as never);
    for (const failure of ['sender_error', 'receiver_error', 'session_error', 'connection_error']) {
      if (failure === event) continue;
      emitter.once(
        failure as never,
        ((context: EventContext) => reject(new Error(`${failure}: ${explain(context)}`))) as never,
      );
    }
  });
  return within(event, happened);
}

function explain({ sender, receiver, session, connection }: EventContext): string {
  const error = sender?.error ?? receiver?.error ?? session?.error ?? connection.error;
  return String(error);
}

export function connect(
  t: TestContext,
  node: NodeProcess,
  options: Partial<ConnectionOptions> = {},
): Promise<RheaClient> {
  return connectToAny(t, [node], { reconnect: false, ...options });
}

/** As a failover URL does: each attempt goes to the next node. */
export async function connectToAny(
  t: TestContext,
  nodes: readonly NodeProcess[],
  options: Partial<ConnectionOptions> = {},
): Promise<RheaClient> {
  const isSecure = options.transport === 'tls';
  const addresses = nodes.map((node) =>
    parseTargetAddress(node.addressOf(isSecure ? 'amqps' : 'amqp'), 'the log'),
  );
  let attempts = 0;
  const container = rhea.create_container();
  const connection = container.connect({
    initial_reconnect_delay: 20,
    max_reconnect_delay: 100,
    ...options,
    connection_details: () => {
      const { host, port } = addresses[attempts % addresses.length] as {
        host: string;
        port: number;
      };
      attempts += 1;
      return isSecure
        ? { ...options, host, port, options: { ...options, host, port } }
        : { host, port, transport: 'tcp', options: { host, port } };
    },
  } as unknown as ConnectionOptions);
  // It is told of each loss of the connection, and nothing else may go wrong unnoticed.
  connection.on('disconnected', () => undefined);
  atEnd(t, () => {
    connection.removeAllListeners();
    connection.on('disconnected', () => undefined);
    connection.set_reconnect?.(false);
    connection.close();
  });
  await once(connection, 'connection_open');
  return new RheaClient(connection);
}

export class RheaClient {
  readonly connection: Connection;

  constructor(connection: Connection) {
    this.connection = connection;
  }

  async sender(options: string | SenderOptions): Promise<Sender> {
    const given = typeof options === 'string' ? { target: options } : options;
    const sender = this.connection.open_sender({ autosettle: true, ...given });
    await once(sender, 'sender_open');
    return sender;
  }

  async inbox(options: string | ReceiverOptions): Promise<Inbox> {
    const given = typeof options === 'string' ? { source: options } : options;
    const receiver = this.connection.open_receiver({
      autoaccept: false,
      credit_window: 100,
      ...given,
    });
    const inbox = new Inbox(receiver);
    await once(receiver, 'receiver_open');
    return inbox;
  }
}

export class Inbox {
  readonly receiver: Receiver;
  readonly deliveries: Delivery[] = [];

  constructor(receiver: Receiver) {
    this.receiver = receiver;
    receiver.on('message', (context: EventContext) => {
      if (context.message !== undefined)
        this.deliveries.push({ message: context.message, context });
    });
  }

  get bodies(): unknown[] {
    return this.deliveries.map(({ message }) => message.body);
  }

  /** All that came, as soon as there are `count`. */
  async atLeast(count: number): Promise<readonly Delivery[]> {
    await eventually(`${count} messages come`, () => this.deliveries.length >= count);
    return this.deliveries;
  }
}

/** Sends a durable message; resolves when the broker has accepted it. */
export async function send(sender: Sender, message: Partial<Message>): Promise<void> {
  await eventually('there is credit', () => sender.sendable());
  const delivery = sender.send({ durable: true, body: null, ...message } as Message);
  await within(
    'the message is accepted',
    new Promise<void>((resolve, reject) => {
      const onAccepted = (context: EventContext): void => {
        if (context.delivery?.id === delivery.id) finish(resolve);
      };
      const onRejected = (context: EventContext): void => {
        if (context.delivery?.id !== delivery.id) return;
        const { error } = context.delivery.remote_state as { error?: { condition?: string } };
        finish(() => reject(new Error(`rejected: ${error?.condition}`)));
      };
      const finish = (then: () => void): void => {
        sender.removeListener('accepted' as never, onAccepted as never);
        sender.removeListener('rejected' as never, onRejected as never);
        then();
      };
      sender.on('accepted' as never, onAccepted as never);
      sender.on('rejected' as never, onRejected as never);
    }),
  );
}
