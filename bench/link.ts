/**
 * One client's connection to whichever node serves it. With two addresses it behaves as clients of
 * a pair should: when the connection is lost it tries the other address, again and again.
 */

import { connect, type Socket } from 'node:net';
import type { HostPort } from '../src/platform/ports.js';

const RETRY_MS = 5;
/** When a node ends by itself, its own words about why come a little after the connection is lost. */
const BLAME_MS = 1_000;
const SLAB_BYTES = 256 * 1024;

/** What a protocol makes of a connection. */
export interface Conversation {
  /** There is a new connection: returns what is said first. Nothing of an earlier one comes any more. */
  begin(): Buffer;
  read(chunk: Buffer): void;
  /** All frames that one read brought were reported: the time for one write. */
  onTurnEnd(): void;
}

export interface LinkOptions {
  readonly addresses: readonly HostPort[];
  /** False where no connection may break: then a loss is a failure of the run. */
  readonly reconnects: boolean;
  readonly fail: (error: Error) => void;
}

export class Link {
  readonly #options: LinkOptions;
  readonly #conversation: Conversation;
  #socket: Socket | null = null;
  #addressIndex = 0;
  #isClosed = false;
  #refusal = '';
  #slab = Buffer.allocUnsafe(SLAB_BYTES);
  #used = 0;
  #flushed = 0;
  #node = '';

  constructor(options: LinkOptions, conversation: Conversation) {
    this.#options = options;
    this.#conversation = conversation;
    this.#connect();
  }

  /** The name of the node whose broker answered, also when another one passes the bytes through. */
  get node(): string {
    return this.#node;
  }

  /** The conversation has come so far that messages can be sent or received. */
  opened(node: string): void {
    this.#node = node;
  }

  /** What the broker says before it ends a connection. */
  refused(reason: string): void {
    this.#refusal = reason;
  }

  /** What `reserve` gave room in. */
  get slab(): Buffer {
    return this.#slab;
  }

  /** Makes room for `byteCount` bytes in `slab`, to be sent by the next `flush`; returns their offset. */
  reserve(byteCount: number): number {
    if (this.#used + byteCount > this.#slab.length) {
      this.flush();
      this.#slab = Buffer.allocUnsafe(Math.max(SLAB_BYTES, byteCount));
      this.#used = 0;
      this.#flushed = 0;
    }
    const offset = this.#used;
    this.#used += byteCount;
    return offset;
  }

  /** Sends what was reserved. The slab is never written twice, so the socket may keep it. */
  flush(): void {
    if (this.#used === this.#flushed) return;
    this.#socket?.write(this.#slab.subarray(this.#flushed, this.#used));
    this.#flushed = this.#used;
  }

  send(bytes: Buffer): void {
    bytes.copy(this.#slab, this.reserve(bytes.length));
    this.flush();
  }

  close(): void {
    this.#isClosed = true;
    this.#socket?.destroy();
  }

  #connect(): void {
    const { addresses } = this.#options;
    const address = addresses[this.#addressIndex % addresses.length] as HostPort;
    const socket = connect({ ...address, noDelay: true });
    this.#socket = socket;
    this.#refusal = '';
    this.#flushed = this.#used;
    socket.on('connect', () => socket.write(this.#conversation.begin()));
    socket.on('data', (chunk) => {
      if (this.#isClosed) return;
      this.#conversation.read(chunk);
      this.#conversation.onTurnEnd();
    });
    socket.on('error', (error) => {
      this.#refusal ||= error.message;
    });
    socket.on('close', () => this.#onLost());
  }

  #onLost(): void {
    if (this.#isClosed) return;
    this.#socket = null;
    this.#node = '';
    if (!this.#options.reconnects) {
      const error = new Error(`A connection was lost: ${this.#refusal || 'closed'}.`);
      setTimeout(() => this.#options.fail(error), BLAME_MS);
      return;
    }
    this.#addressIndex += 1;
    setTimeout(() => {
      if (!this.#isClosed) this.#connect();
    }, RETRY_MS);
  }
}
