/**
 * Goes through the messages of a queue for an operator, in the order of arrival: which entry is next, whether it is
 * there still, what its message says, and whether the selector wants it. What becomes of each, and how many a
 * turn has room for, is for those who walk: orders (message-job.ts) and whoever browses (message-browse.ts).
 */

import type { Selector } from '../selector/selector.js';
import {
  type EntryContent,
  loadPayload,
  payloadOf,
  readContent,
  selectableOf,
} from './entry-content.js';
import { EntryWalk } from './entry-walk.js';
import type { MessageIndex } from './message-index.js';
import { ENTRY_STATE, NONE } from './message-table.js';
import type { Queue } from './queue.js';
import { RecordReader } from './record-reader.js';
import type { BrokerServices } from './services.js';

export interface MessageWalkOptions {
  readonly index: MessageIndex;
  readonly services: BrokerServices;
  readonly queue: Queue;
  /** Ids from here on were seen. */
  readonly after: number;
  /** The highest id that is of interest. */
  readonly upTo: number;
  /** These alone; null: all that are there. */
  readonly ids: readonly number[] | null;
  /** Null: every message is wanted. */
  readonly selector: Selector | null;
  /** Nobody waits for it any more. */
  readonly isOver: () => boolean;
}

export class MessageWalk {
  /** On the message that was read last, which is a part of `payload`. */
  readonly reader = new RecordReader();
  payload: Uint8Array = new Uint8Array(0);
  private readonly options: MessageWalkOptions;
  /** Null when the ids were given, which are one portion. */
  private readonly entries: EntryWalk | null;
  private portion: readonly number[] = [];
  private at = 0;

  constructor(options: MessageWalkOptions) {
    this.options = options;
    const { ids, services } = options;
    this.entries = ids === null ? new EntryWalk({ ...options, later: services.later }) : null;
    if (ids !== null) this.portion = this.meantOf(ids);
  }

  /** Calls back, in this turn or a later one, when the next ids are known; `isEnd`: there are none. */
  nextPortion(found: (isEnd: boolean) => void): void {
    if (this.entries === null) {
      found(true);
      return;
    }
    this.entries.next((ids) => {
      this.portion = ids;
      this.at = 0;
      found(ids.length === 0);
    });
  }

  /** Where the walk is; undefined at the end of a portion. */
  get id(): number | undefined {
    return this.portion[this.at];
  }

  step(): number | undefined {
    this.at += 1;
    return this.id;
  }

  /** Of the entry with this id; NONE when it is in the queue no more. */
  slotOf(id: number): number {
    const { index, queue } = this.options;
    const { table } = index;
    const slot = table.find(id);
    if (slot === NONE || table.queueOf(slot) !== queue.index) return NONE;
    return table.stateOf(slot) === ENTRY_STATE.removing ? NONE : slot;
  }

  /** Undefined when its bytes have to be loaded: `loaded` is called then, and the entry may be gone. */
  read(slot: number, loaded: () => void): EntryContent | undefined {
    const { index, services, isOver } = this.options;
    const payload = payloadOf(index, services, slot);
    if (payload === undefined) {
      loadPayload(index, services, slot, loaded, isOver);
      return undefined;
    }
    this.payload = payload;
    return readContent(index, this.reader, slot, payload);
  }

  isWanted(slot: number, content: EntryContent): boolean {
    const { index, services, selector } = this.options;
    if (selector === null) return true;
    return selector.matches(services.contents.propertiesOf(selectableOf(index, slot, content)));
  }

  private meantOf(ids: readonly number[]): readonly number[] {
    const { after, upTo } = this.options;
    const isMeant = (id: number): boolean => id > after && id <= upTo;
    return [...new Set(ids)].filter(isMeant).sort((one, two) => one - two);
  }
}
