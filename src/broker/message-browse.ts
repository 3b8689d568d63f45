/**
 * Shows an operator the messages of a queue as they came, wherever they are at this moment, and takes nothing.
 * One call looks at so many at most, and says where the next one goes on.
 */

import { HoldfastError } from '../platform/errors.js';
import { inMemory } from './api.js';
import { loadPayload, payloadOf, readContent, selectableOf } from './entry-content.js';
import { EntryWalk } from './entry-walk.js';
import type {
  BrowsedMessage,
  BrowseEnd,
  BrowseRequest,
  Ending,
  MessageState,
} from './management-api.js';
import type { MessageIndex } from './message-index.js';
import { ENTRY_STATE, NONE } from './message-table.js';
import type { Queue } from './queue.js';
import { RecordReader } from './record-reader.js';
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
  private readonly reader = new RecordReader();
  private readonly walk: EntryWalk;
  private ids: readonly number[] = [];
  private at = 0;
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
    const { index, services, queue, upTo, request } = options;
    const isOver = (): boolean => this.isOver;
    const { later } = services;
    this.walk = new EntryWalk({ index, queue, after: request.after, upTo, later, isOver });
  }

  start(): void {
    this.walk.next((ids) => {
      this.ids = ids;
      this.at = 0;
      if (ids.length === 0) this.finish(null);
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
    const { index, queue, request, services } = this.options;
    if (queue.removed) {
      this.stop(new HoldfastError('NOT_FOUND', `Queue "${request.queue}" was removed meanwhile.`));
      return;
    }
    for (; this.at < this.ids.length; this.at += 1) {
      const id = this.ids[this.at] as number;
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
      const slot = index.table.find(id);
      if (!this.isHere(slot)) continue;
      const payload = payloadOf(index, services, slot);
      if (payload === undefined) {
        loadPayload(
          index,
          services,
          slot,
          () => this.look(),
          () => this.isOver,
        );
        return;
      }
      this.show(slot, payload);
      this.last = id;
    }
    this.start();
  }

  private isHere(slot: number): boolean {
    const { index, queue } = this.options;
    const { table } = index;
    if (slot === NONE || table.queueOf(slot) !== queue.index) return false;
    return table.stateOf(slot) !== ENTRY_STATE.removing;
  }

  private show(slot: number, payload: Uint8Array): void {
    const { index, services, queue, request } = this.options;
    const { reader } = this;
    const content = readContent(index, reader, slot, payload);
    this.looks += 1;
    this.turnLooks += 1;
    this.bytes += reader.length;
    this.turnBytes += reader.length;
    if (request.selector !== null) {
      const properties = services.contents.propertiesOf(selectableOf(index, slot, content));
      if (!request.selector.matches(properties)) return;
    }
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
