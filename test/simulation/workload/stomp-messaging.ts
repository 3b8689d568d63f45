/** A connection that speaks STOMP, through the product's own client. */
import { DEFAULT_PRIORITY } from '../../../src/broker/priority.js';
import type { ReceivedMessage } from '../../../src/client/received-message.js';
import { type ClientSubscription, StompClient } from '../../../src/client/stomp-client.js';
import type { Socket } from '../../../src/platform/ports.js';
import type { DeliveredFrame } from './delivery-rules.js';
import type { Copy, Rejection } from './ledger-records.js';
import type {
  Answer,
  Delivery,
  Messaging,
  MessagingOptions,
  Subscribed,
  SubscribeRequest,
} from './messaging.js';

export async function openStomp(socket: Socket, options: MessagingOptions): Promise<Messaging> {
  const { clientId, server, network, clock, connectTimeoutMs, heartbeatMs } = options;
  const client = await StompClient.open(withNodeName(socket, options.onNode), server, {
    network,
    clock,
    connectTimeoutMs,
    heartbeatMs,
    ...(clientId === undefined ? {} : { clientId }),
  });
  return new StompMessaging(client);
}

/** Each command asks for a receipt, and each RECEIPT is a confirmation. */
class StompMessaging implements Messaging {
  readonly returnsAtRollback = false;
  readonly #client: StompClient;

  constructor(client: StompClient) {
    this.#client = client;
  }

  get closed(): Promise<Error | null> {
    return this.#client.closed;
  }

  send(copy: Copy): Promise<Answer> {
    return this.#client.send(requestOf(copy)).then(confirmed);
  }

  sendIn(transaction: string, copy: Copy): void {
    this.#client.sendUnconfirmed({ ...requestOf(copy), transaction });
  }

  begin(transaction: string): void {
    this.#client.begin(transaction);
  }

  commit(transaction: string): Promise<void> {
    return this.#client.commit(transaction);
  }

  rollback(transaction: string): Promise<void> {
    return this.#client.rollback(transaction);
  }

  async subscribe(request: SubscribeRequest): Promise<Subscribed> {
    const { destination, acknowledgement, prefetch, durable, onMessage } = request;
    const client = this.#client;
    const subscription = await client.subscribe({
      destination,
      ack: acknowledgement,
      headers: {
        ...(prefetch === 0 ? {} : { 'prefetch-count': String(prefetch) }),
        ...(durable === null ? {} : { 'durable-subscription-name': durable }),
      },
      onMessage: (message) => onMessage(new StompDelivery(client, message)),
    });
    return { answer: 'confirmed', leave: () => this.#leave(subscription) };
  }

  #leave(subscription: ClientSubscription): Promise<Answer> {
    return this.#client.unsubscribe(subscription).then(confirmed);
  }
}

class StompDelivery implements Delivery {
  readonly frame: DeliveredFrame;
  readonly #client: StompClient;
  readonly #message: ReceivedMessage;

  constructor(client: StompClient, message: ReceivedMessage) {
    this.#client = client;
    this.#message = message;
    this.frame = frameOf(message);
  }

  acknowledge(transaction?: string): void {
    this.#client.acknowledge(this.#message, transaction);
  }

  acknowledgeConfirmed(): Promise<void> {
    return this.#client.acknowledgeConfirmed(this.#message);
  }

  reject(): Rejection {
    this.#client.reject(this.#message);
    return 'failed';
  }
}

function confirmed(): Answer {
  return 'confirmed';
}

function requestOf(copy: Copy) {
  const { destination, body } = copy;
  const headers: Record<string, string> = { copy: String(copy.number) };
  if (!copy.isDurable) headers.persistent = 'false';
  if (copy.expiresAtMs > 0) headers.expires = String(copy.expiresAtMs);
  if (copy.duplicateId !== null) headers._AMQ_DUPL_ID = copy.duplicateId;
  if (copy.priority !== DEFAULT_PRIORITY) headers.priority = String(copy.priority);
  if (copy.group !== null) headers.JMSXGroupID = copy.group;
  if (copy.closesGroup) headers.JMSXGroupSeq = '-1';
  return { destination, body, headers };
}

/** What the ledger needs to know of a MESSAGE. */
function frameOf(message: ReceivedMessage): DeliveredFrame {
  return {
    copyNumber: Number(message.header('copy') ?? Number.NaN),
    messageId: Number(message.messageId),
    isRedelivered: message.header('redelivered') === 'true',
    expiresAtMs: Number(message.header('expires') ?? 0),
    body: message.body,
  };
}

const SERVER_HEADER = /\nserver:\S+ (\S+)\n/;

/** Passes everything on and reads in CONNECTED which node answered. */
function withNodeName(socket: Socket, onNode: (node: string) => void): Socket {
  let beginning: string | null = '';
  const read = (bytes: Uint8Array): void => {
    beginning += Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
    const node = SERVER_HEADER.exec(beginning ?? '')?.[1];
    if (node === undefined) return;
    onNode(node);
    beginning = null;
  };
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
      socket.receive({
        onData(bytes) {
          if (beginning !== null) read(bytes);
          events.onData(bytes);
        },
        onDrain: () => events.onDrain(),
        onClose: () => events.onClose(),
      });
    },
  };
}
