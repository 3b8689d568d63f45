/**
 * Durable messages that nobody consumes until the end of a test: they make segments sparse that
 * would otherwise be empty, so that there is something to compact.
 */
import assert from 'node:assert/strict';
import { eventually } from './eventually.js';
import { connect, Inbox } from './test-client.js';
import type { TestStore } from './test-store.js';

const QUEUE = '/queue/kept';
const BODY_BYTES = 1_000;
const LAST = 'behind all others';

export class KeptMessages {
  readonly #store: TestStore;
  #count = 0;

  constructor(store: TestStore) {
    this.#store = store;
  }

  /** Resolves when that many more are confirmed; the live node must not end meanwhile. */
  async add(count: number): Promise<void> {
    const client = await this.#connect();
    const body = 'kept'.padEnd(BODY_BYTES);
    await Promise.all(
      Array.from({ length: count }, () => client.send({ destination: QUEUE, body })),
    );
    await client.disconnect();
    this.#count += count;
  }

  /** Consumes them all: none is missing, and none came twice. */
  async check(): Promise<void> {
    const client = await this.#connect();
    await client.send({ destination: QUEUE, body: LAST });
    const inbox = await Inbox.open(client, QUEUE, 'auto');
    await eventually('every kept message comes', () => inbox.texts.at(-1) === LAST);
    assert.equal(inbox.messages.length, this.#count + 1);
    const ids = new Set(inbox.messages.map(({ messageId }) => messageId));
    assert.equal(ids.size, this.#count + 1);
    await client.disconnect();
  }

  async #connect() {
    const server = await eventually('a node is live', this.#store.findServer);
    return connect(server.address);
  }
}
