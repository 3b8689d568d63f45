/**
 * Producers and consumers on a queue that go on through every takeover, and a ledger of what they
 * saw. Producers send again what was not confirmed when their connection ended.
 */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { ReceivedMessage } from '../../src/client/received-message.js';
import type { StompClient } from '../../src/client/stomp-client.js';
import { messageOf } from '../../src/platform/errors.js';
import type { HostPort } from '../../src/platform/ports.js';
import { atEnd } from './at-end.js';
import { eventually, within } from './eventually.js';
import { type ConfirmingSession, MessageLedger } from './message-ledger.js';
import { connectNamed, isRefusal } from './test-client.js';

const RECONNECT_MS = 10;
/** A stopped process accepts connections and answers nothing. */
const CONNECT_TIMEOUT_MS = 1_000;

/** Where this client connects now, and the node that is expected to answer; null while nobody is live. */
type FindServer = (client: string) => Promise<{ address: HostPort; node: string } | null>;

export interface LoadOptions {
  readonly findServer: FindServer;
  readonly destination?: string;
  readonly producers?: number;
  readonly consumers?: number;
  /** Unconfirmed messages of one producer at most. */
  readonly window?: number;
  readonly prefetch?: number;
  readonly bodyBytes?: number;
  /** Between two messages of one producer, to leave the processors to others; 0 for none. */
  readonly pauseMs?: number;
  /** In both directions, for those who must notice that a host lost its power; 0 for none. */
  readonly heartbeatMs?: number;
  /** Connections break while their node stays live; see MessageLedger. */
  readonly redeliveredInAnyOrder?: boolean;
  /** How long nothing may come, or be acknowledged, before the last message has. */
  readonly settleLimitMs?: number;
  /** A node confirmed something. */
  readonly onConfirmed?: (node: string) => void;
}

export interface LoadSummary {
  readonly confirmed: number;
  readonly acknowledged: number;
  readonly duplicates: number;
  /** How often each node answered CONNECT. */
  readonly sessionsOf: ReadonlyMap<string, number>;
}

export class CheckedLoad {
  readonly ledger: MessageLedger;
  readonly #options: Required<LoadOptions>;
  readonly #sessionsOf = new Map<string, number>();
  readonly #producers: Promise<void>[] = [];
  readonly #consumers: Promise<void>[] = [];
  readonly #open = new Set<StompClient>();
  #isProducing = true;
  #isConsuming = true;

  /** Begins to send and receive at once. */
  constructor(options: LoadOptions) {
    this.#options = {
      destination: '/queue/load',
      producers: 2,
      consumers: 2,
      window: 20,
      prefetch: 50,
      bodyBytes: 256,
      pauseMs: 0,
      heartbeatMs: 0,
      redeliveredInAnyOrder: false,
      settleLimitMs: 30_000,
      onConfirmed: () => undefined,
      ...options,
    };
    this.ledger = new MessageLedger(this.#options);
    const { producers, consumers } = this.#options;
    for (let number = 1; number <= producers; number += 1) {
      this.#producers.push(this.#runProducer(`producer-${number}`));
    }
    for (let number = 1; number <= consumers; number += 1)
      this.#consumers.push(this.#runConsumer(`consumer-${number}`));
  }

  get sessionCount(): number {
    return [...this.#sessionsOf.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Resolves when the first messages were confirmed. */
  static async start(test: TestContext, options: LoadOptions): Promise<CheckedLoad> {
    const load = new CheckedLoad(options);
    atEnd(test, () => load.abandon());
    await load.confirmsMore(50);
    return load;
  }

  /** Resolves when that many more messages were confirmed than now. */
  async confirmsMore(count: number, limitMs = 20_000): Promise<void> {
    const wanted = this.ledger.confirmedCount + count;
    await eventually(
      `${count} more messages are confirmed`,
      () => this.ledger.confirmedCount >= wanted,
      limitMs,
    );
  }

  /** Sends nothing new; all that was sent gets confirmed. */
  async stopProducing(): Promise<void> {
    this.#isProducing = false;
    const all = Promise.all(this.#producers);
    await within('every producer has its confirmations', all, this.#options.settleLimitMs);
  }

  /** Empties the queue and checks every promise. */
  async finish(): Promise<LoadSummary> {
    await this.stopProducing();
    await this.#sendLast();
    await this.#drain();
    assert.deepEqual(this.ledger.findings(), []);
    assert.ok(this.ledger.isSettled, 'an acknowledgement was never confirmed');
    await this.abandon();
    return {
      confirmed: this.ledger.confirmedCount,
      acknowledged: this.ledger.acknowledgedCount,
      duplicates: this.ledger.duplicateCount,
      sessionsOf: this.#sessionsOf,
    };
  }

  /** However long the queue is; what is lost shows in that nothing more comes. */
  async #drain(): Promise<void> {
    let acknowledged = -1;
    let limit = 0;
    while (!this.ledger.isSettled) {
      if (this.ledger.acknowledgedCount !== acknowledged) {
        acknowledged = this.ledger.acknowledgedCount;
        limit = performance.now() + this.#options.settleLimitMs;
      }
      if (performance.now() > limit) return;
      await delay(RECONNECT_MS);
    }
  }

  /** Ends every client, checking nothing. */
  async abandon(): Promise<void> {
    this.#isProducing = false;
    this.#isConsuming = false;
    const all = Promise.all([...this.#producers, ...this.#consumers]).then(() => true);
    await eventually('every client ends', () => {
      for (const client of this.#open) client.destroy();
      return Promise.race([all, false]);
    });
  }

  /** Behind everything else in the queue: once it has come, the rest was on its way before. */
  async #sendLast(): Promise<void> {
    this.#isProducing = true;
    this.#producers.push(this.#runProducer('last'));
    await this.confirmsMore(1);
    await this.stopProducing();
  }

  async #runProducer(name: string): Promise<void> {
    const producer = new Producer(name, this.#options, this.ledger);
    while (this.#isProducing || producer.hasUnconfirmed) {
      await this.#inSession(name, (client, session) =>
        producer.produce(client, session, () => this.#isProducing),
      );
      if (!this.#isConsuming) return;
    }
  }

  async #runConsumer(name: string): Promise<void> {
    while (this.#isConsuming) {
      await this.#inSession(name, (client, session, connection) =>
        consume(client, session, connection, this.#options, this.ledger),
      );
    }
  }

  /** One connection, from CONNECT to its end. */
  async #inSession(
    clientName: string,
    use: (client: StompClient, session: ConfirmingSession, name: string) => Promise<void>,
  ): Promise<void> {
    const opened = await this.#connect(clientName);
    if (opened === null) {
      await delay(RECONNECT_MS);
      return;
    }
    const { client, session, name } = opened;
    this.#open.add(client);
    try {
      await use(client, session, name);
      client.destroy();
    } catch (error) {
      if (isRefusal(error)) this.ledger.complain(messageOf(error));
    }
    const reason = await client.closed;
    this.#open.delete(client);
    this.ledger.closed(name);
    if (isRefusal(reason)) this.ledger.complain(messageOf(reason));
  }

  async #connect(clientName: string): Promise<{
    client: StompClient;
    session: ConfirmingSession;
    name: string;
  } | null> {
    const server = await this.#options.findServer(clientName);
    if (server === null) return null;
    try {
      const { heartbeatMs } = this.#options;
      const options = { connectTimeoutMs: CONNECT_TIMEOUT_MS, heartbeatMs };
      const { client, node } = await connectNamed(server.address, options);
      const count = (this.#sessionsOf.get(node) ?? 0) + 1;
      this.#sessionsOf.set(node, count);
      return { client, session: this.ledger.openSession(node), name: `${node}-${count}` };
    } catch (error) {
      if (isRefusal(error)) this.ledger.complain(messageOf(error));
      return null;
    }
  }
}

class Producer {
  readonly #name: string;
  readonly #options: Required<LoadOptions>;
  readonly #ledger: MessageLedger;
  readonly #unconfirmed = new Set<number>();
  #last = 0;
  #wake: () => void = () => undefined;

  constructor(name: string, options: Required<LoadOptions>, ledger: MessageLedger) {
    this.#name = name;
    this.#options = options;
    this.#ledger = ledger;
  }

  get hasUnconfirmed(): boolean {
    return this.#unconfirmed.size > 0;
  }

  /** Until the connection ends, or `goesOn` says no and everything is confirmed. */
  async produce(
    client: StompClient,
    session: ConfirmingSession,
    goesOn: () => boolean,
  ): Promise<void> {
    let isOpen = true;
    void client.closed.then(() => {
      isOpen = false;
      this.#wake();
    });
    for (const number of [...this.#unconfirmed]) this.#send(client, session, number);
    while (isOpen && (goesOn() || this.hasUnconfirmed)) {
      if (goesOn() && this.#unconfirmed.size < this.#options.window) {
        this.#last += 1;
        this.#unconfirmed.add(this.#last);
        this.#send(client, session, this.#last);
        if (this.#options.pauseMs > 0) await delay(this.#options.pauseMs);
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }

  #send(client: StompClient, session: ConfirmingSession, number: number): void {
    const { destination, bodyBytes } = this.#options;
    this.#ledger.sent(this.#name, number);
    const body = `${this.#name} ${number} `.padEnd(bodyBytes, '.');
    client.send({ destination, body }).then(
      () => {
        this.#unconfirmed.delete(number);
        this.#ledger.confirmed(this.#name, number);
        this.#ledger.confirmedBy(session);
        this.#options.onConfirmed(session.node);
        this.#wake();
      },
      // Whoever waits for `closed` learns why.
      () => this.#wake(),
    );
  }
}

async function consume(
  client: StompClient,
  session: ConfirmingSession,
  name: string,
  options: Required<LoadOptions>,
  ledger: MessageLedger,
): Promise<void> {
  const onMessage = (message: ReceivedMessage): void => {
    const [producer = '', number] = message.text().split(' ', 2);
    const { messageId } = message;
    const isRedelivered = message.header('redelivered') === 'true';
    ledger.delivered({ session: name, producer, number: Number(number), messageId, isRedelivered });
    client.acknowledgeConfirmed(message).then(
      () => {
        ledger.acknowledged(messageId);
        ledger.confirmedBy(session);
        options.onConfirmed(session.node);
      },
      () => undefined,
    );
  };
  const { destination, prefetch } = options;
  const headers = { 'prefetch-count': String(prefetch) };
  await client.subscribe({ destination, ack: 'client-individual', headers, onMessage });
  await client.closed;
}
