/**
 * Shows an operator the messages of a queue as they came, wherever they are at this moment, and takes nothing.
 * One call looks at so many at most, and says where the next one goes on.
 */

import { HoldfastError } from '../platform/errors.js';
import { inMemory } from './api.js';
import type { EntryContent } from './entry-content.js';
import type {
  BrowsedMessage,
  BrowseEnd,
  BrowseRequest,
  Ending,
  MessageState,
} from './management-api.js';
import type { MessageIndex } from './message-index.js';
import { ENTRY_STATE, NONE } from './message-table.js';
import { MessageWalk } from './message-walk.js';
import type { Queue } from './queue.js';
import type { BrokerServices } from './services.js';

const LOOKS_PER_TURN = 500;
const BYTES_PER_TURN = 1024 * 1024;
/** With a selector that few messages fit an answer comes nevertheless. */
const LOOKS_PER_CALL = 20_000;
const BYTES_PER_CALL = 32 * 1024 * 1024;

const STATE_NAMES: { readonly [state: number]: MessageState } = {
  [ENTRY_STATE.ready]: 'ready',
  [ENTRY_STATE.delivered]: 'delivered',
  [ENTRY_STATE.inTransaction]: 'in-transaction',
  [ENTRY_STATE.scheduled]: 'scheduled',
  [ENTRY_STATE.moving]: 'moving',
};

export interface BrowseOptions {
  readonly index: MessageIndex;
  readonly services: BrokerServices;
  readonly queue: Queue;
  readonly upTo: number;
  readonly request: BrowseRequest;
  readonly ending: Ending<BrowseEnd>;
}

export class MessageBrowse {
  private readonly options: BrowseOptions;
  private readonly walk: MessageWalk;
  /** What follows goes on behind it. */
  private last: number;
  private found = 0;
  private looks = 0;
  private bytes = 0;
  private turnLooks = 0;
  private turnBytes = 0;
  private isOver = false;

  constructor(options: BrowseOptions) {
    this.options = options;
    this.last = options.request.after;
    const { after, selector } = options.request;
    const isOver = (): boolean => this.isOver;
    this.walk = new MessageWalk({ ...options, after, selector, ids: null, isOver });
  }

  start(): void {
    this.walk.nextPortion((isEnd) => {
      if (isEnd) this.finish(null);
      else this.look();
    });
  }

  stop(error: Error): void {
    if (this.isOver) return;
    this.isOver = true;
    this.options.ending.failed(error);
  }

  private look(): void {
    if (this.isOver) return;
    const { queue, request, services } = this.options;
    const { walk } = this;
    if (queue.removed) {
      this.stop(new HoldfastError('NOT_FOUND', `Queue "${request.queue}" was removed meanwhile.`));
      return;
    }
    for (let id = walk.id; id !== undefined; id = walk.step()) {
      const isEnough = this.looks >= LOOKS_PER_CALL || this.bytes >= BYTES_PER_CALL;
      if (this.found >= request.limit || isEnough) {
        this.finish(this.last);
        return;
      }
      if (this.turnLooks >= LOOKS_PER_TURN || this.turnBytes >= BYTES_PER_TURN) {
        this.turnLooks = 0;
        this.turnBytes = 0;
        services.later(() => this.look());
        return;
      }
      const slot = walk.slotOf(id);
      if (slot === NONE) continue;
      const content = walk.read(slot, () => this.look());
      if (content === undefined) return;
      this.show(slot, content);
      this.last = id;
    }
    this.start();
  }

  private show(slot: number, content: EntryContent): void {
    const { index, queue, request } = this.options;
    const { reader, payload } = this.walk;
    this.looks += 1;
    this.turnLooks += 1;
    this.bytes += reader.length;
    this.turnBytes += reader.length;
    if (!this.walk.isWanted(slot, content)) return;
    this.found += 1;
    const { table } = index;
    const { message, topic } = content;
    const browsed: BrowsedMessage = {
      entryId: table.idOf(slot),
      destination: topic === null ? queue.destination : { kind: 'topic', name: topic },
      contentKind: message.contentKind,
      bytes: payload,
      headersStart: reader.headersStart,
      headersEnd: reader.bodyStart,
      bodyStart: reader.bodyStart,
      bodyEnd: reader.bodyEnd,
      durable: content.durable,
      priority: message.priority,
      expiresAtMs: message.expiresAtMs,
      timestampMs: content.timestampMs,
      redelivered: index.mayHaveBeenDelivered(slot),
      failedDeliveries: table.failedDeliveriesOf(slot),
      state: STATE_NAMES[table.stateOf(slot)] ?? 'moving',
      deliverAtMs: message.deliverAtMs ?? 0,
      bytesStored: table.bytesOf(slot),
      // Nobody holds it longer than the call.
      hold: () => inMemory(payload),
    };
    request.onMessage(browsed);
  }

  private finish(end: BrowseEnd): void {
    this.isOver = true;
    this.options.ending.done(end);
  }
}
