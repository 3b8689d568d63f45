/**
 * AMQP 1.0 for a load by `rhea`, a library that people use: what its users see of the broker. It costs
 * more than the broker, so that the library is what is measured.
 */

import rhea, {
  type Connection,
  type Delivery,
  type EventContext,
  type Receiver as RheaReceiver,
  type Sender as RheaSender,
} from 'rhea';
import type {
  Client,
  Receiver,
  ReceiverEvents,
  ReceiverOptions,
  Sender,
  SenderEvents,
  SenderOptions,
} from './client.js';
import type { LinkOptions } from './link.js';
import { firstBody, writeSequence } from './message-body.js';

const FAILURES = [
  ...['connection_error', 'session_error', 'sender_error', 'receiver_error'],
  ...['disconnected', 'rejected', 'released', 'modified'],
] as const;

function connect(options: LinkOptions, isClosed: () => boolean): Connection {
  const [address] = options.addresses;
  if (options.reconnects || address === undefined) {
    throw new Error('The client rhea does not reconnect here; use the client wire.');
  }
  const container = rhea.create_container({ id: 'bench' });
  for (const failure of FAILURES) {
    container.on(failure, ({ connection, error }: EventContext) => {
      const reason = String(error ?? connection.error ?? '');
      if (!isClosed()) options.fail(new Error(`A client of rhea had ${failure} ${reason}.`));
    });
  }
  return container.connect({ ...address, reconnect: false });
}

/** Calls `task` once, after everything that this turn brings was reported. */
function atTurnEnd(task: () => void): () => void {
  let isDue = false;
  return () => {
    if (isDue) return;
    isDue = true;
    process.nextTick(() => {
      isDue = false;
      task();
    });
  };
}

class RheaProducer implements Sender {
  readonly #link: RheaSender;
  readonly #firstBody: Buffer;
  #node = '';
  #isClosed = false;

  constructor(options: SenderOptions, events: SenderEvents) {
    this.#firstBody = firstBody(options.producer, options.bodyBytes);
    const connection = connect(options, () => this.#isClosed);
    const turnEnd = atTurnEnd(() => events.onTurnEnd());
    this.#link = connection.open_sender(`queue://${options.queue}`);
    this.#link.on('sendable', () => {
      if (this.#node === '') {
        this.#node = connection.container_id;
        events.onOpen();
      }
      turnEnd();
    });
    // Ids go up by one from zero, as numbers of messages do.
    this.#link.on('accepted', ({ delivery }: EventContext) => {
      const id = delivery?.id ?? Number.NaN;
      events.onConfirmed(id, id);
      turnEnd();
    });
  }

  get node(): string {
    return this.#node;
  }

  get room(): number {
    // Its types do not tell of it.
    return (this.#link as unknown as { readonly credit: number }).credit;
  }

  write(sequence: number): void {
    const body = Buffer.from(this.#firstBody);
    writeSequence(body, 0, sequence);
    this.#link.send({ durable: true, body: rhea.message.data_section(body) });
  }

  flush(): void {
    // The library writes at the end of the turn.
  }

  close(): void {
    this.#isClosed = true;
    this.#link.connection.close();
  }
}

class RheaConsumer implements Receiver {
  readonly #link: RheaReceiver;
  #delivery: Delivery | undefined;
  #isClosed = false;

  constructor(options: ReceiverOptions, events: ReceiverEvents) {
    const connection = connect(options, () => this.#isClosed);
    const turnEnd = atTurnEnd(() => events.onTurnEnd());
    this.#link = connection.open_receiver({
      source: `queue://${options.queue}`,
      credit_window: options.prefetch,
      autoaccept: false,
    });
    this.#link.on('message', ({ message, delivery }: EventContext) => {
      const body = message?.body.content as Buffer;
      this.#delivery = delivery;
      events.onMessage(body, 0, body.length);
      turnEnd();
    });
  }

  acknowledge(): void {
    this.#delivery?.accept();
  }

  flush(): void {
    // The library writes at the end of the turn.
  }

  async finish(): Promise<void> {
    this.#isClosed = true;
    const { connection } = this.#link;
    const finished = new Promise<void>((resolve) => {
      connection.once('connection_close', () => resolve());
    });
    connection.close();
    await finished;
  }

  close(): void {
    this.#isClosed = true;
    this.#link.connection.close();
  }
}

export const rheaClient: Client = {
  protocol: 'amqp',
  send: (options, events) => new RheaProducer(options, events),
  receive: (options, events) => new RheaConsumer(options, events),
};
