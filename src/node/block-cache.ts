/**
 * Payloads of journal blocks in memory: what was just written stays for its consumers, what a
 * consumer needs of an old block is loaded through the storage thread. Half of the limit is for
 * either; first in, first out, so memory does not depend on what is stored (P7). Main thread.
 */

import type { HeldBytes } from '../broker/api.js';
import type { BodySource, SegmentUsage } from '../broker/host.js';
import {
  alignToSector,
  BLOCK_HEADER_BYTES,
  SECTOR_BYTES,
  type SegmentNumber,
} from '../journal/format.js';
import { HeldBlocks, type PartRequest } from './held-blocks.js';
import { PayloadRing } from './payload-ring.js';
import type { LoadedBlock } from './space-keeper.js';
import type { TransferredBlock } from './storage-protocol.js';

/** A block's place as one number: offsets are multiples of a sector and below 4 GiB. */
const SECTORS_PER_SEGMENT = 2 ** 32 / SECTOR_BYTES;

function keyOf(segment: number, offset: number): number {
  return segment * SECTORS_PER_SEGMENT + offset / SECTOR_BYTES;
}

const MAX_LOADS_UNDER_WAY = 3;

type RequestLoad = (load: {
  requestId: number;
  segment: SegmentNumber;
  offset: number;
  mayBeEnd: boolean;
}) => void;

interface Load {
  readonly segment: number;
  readonly offset: number;
  readonly waiting: (() => void)[];
}

export class BlockCache implements BodySource {
  readonly #maxLoadedBytes: number;
  readonly #ring: PayloadRing;
  /** Written by this node; their bytes lie in the ring. */
  readonly #kept = new Map<number, Uint8Array>();
  readonly #request: RequestLoad;
  /** In the order in which they were loaded. */
  readonly #loaded = new Map<number, Uint8Array>();
  readonly #loads = new Map<number, Load>();
  readonly #requestOf = new Map<number, number>();
  readonly #runs = new Map<number, (blocks: LoadedBlock[]) => void>();
  readonly #held: HeldBlocks;
  readonly #queued: number[] = [];
  #underWay = 0;
  #bytes = 0;
  #nextRequestId = 1;
  #lastKey = -1;
  #lastPayload: Uint8Array | undefined;

  constructor(
    maxBytes: number,
    request: RequestLoad,
    parts: {
      readonly usage: SegmentUsage;
      readonly requestPart: (request: PartRequest) => void;
    },
  ) {
    this.#maxLoadedBytes = maxBytes / 2;
    this.#ring = new PayloadRing(maxBytes / 2, (key) => this.#overwritten(key));
    this.#request = request;
    this.#held = new HeldBlocks({
      ...parts,
      cached: (segment, blockOffset) => this.cached(segment, blockOffset),
      newRequestId: () => this.#newRequestId(),
    });
  }

  /** Loaded ones, without what was kept. */
  get bytes(): number {
    return this.#bytes;
  }

  cached(segment: number, blockOffset: number): Uint8Array | undefined {
    const key = keyOf(segment, blockOffset);
    if (key === this.#lastKey) return this.#lastPayload;
    const payload = this.#kept.get(key) ?? this.#loaded.get(key);
    if (payload === undefined) return undefined;
    this.#lastKey = key;
    this.#lastPayload = payload;
    return payload;
  }

  load(segment: number, blockOffset: number, loaded: () => void): void {
    const key = keyOf(segment, blockOffset);
    const under = this.#requestOf.get(key);
    if (under !== undefined) {
      this.#loads.get(under)?.waiting.push(loaded);
      return;
    }
    const requestId = this.#newRequestId();
    this.#requestOf.set(key, requestId);
    this.#loads.set(requestId, { segment, offset: blockOffset, waiting: [loaded] });
    this.#queued.push(requestId);
    this.#requestNext();
  }

  hold(segment: number, blockOffset: number, payload: Uint8Array): HeldBytes {
    return this.#held.hold(segment, blockOffset, payload);
  }

  /** The tenure ends: nobody reads on in what is held. */
  letGo(): void {
    this.#held.letGo();
  }

  /** The whole blocks of one read, for compaction; they are not kept. Empty at the end of what was written, and when the segment is gone. */
  loadRun(segment: SegmentNumber, offset: number): Promise<LoadedBlock[]> {
    const requestId = this.#newRequestId();
    this.#request({ requestId, segment, offset, mayBeEnd: true });
    return new Promise((resolve) => this.#runs.set(requestId, resolve));
  }

  onPart(requestId: number, bytes: ArrayBuffer): void {
    this.#held.onPart(requestId, bytes);
  }

  /** Keeps a copy of what was just written. */
  keep(segment: number, offset: number, payload: Uint8Array): void {
    const key = keyOf(segment, offset);
    const copy = this.#ring.store(key, payload);
    if (copy === null) {
      this.adopt(segment, offset, payload.slice());
      return;
    }
    this.#kept.set(key, copy);
    this.#lastKey = -1;
  }

  /** Keeps what was just written itself, which nobody writes to any more. */
  adopt(segment: number, offset: number, payload: Uint8Array): void {
    this.put(segment, offset, payload);
    this.evict(1);
  }

  put(segment: number, offset: number, payload: Uint8Array): void {
    const key = keyOf(segment, offset);
    this.#forget(key);
    this.#loaded.set(key, payload);
    this.#bytes += payload.byteLength;
    this.#lastKey = -1;
  }

  /** Drops the oldest until the limit holds; `keep` entries put last always stay. */
  evict(keep: number): void {
    if (this.#bytes <= this.#maxLoadedBytes) return;
    let removable = this.#loaded.size - keep;
    for (const key of this.#loaded.keys()) {
      if (removable <= 0 || this.#bytes <= this.#maxLoadedBytes) return;
      this.#forget(key);
      removable -= 1;
    }
  }

  onLoaded(requestId: number, bytes: ArrayBuffer, blocks: readonly TransferredBlock[]): void {
    const run = this.#runs.get(requestId);
    if (run !== undefined) {
      this.#runs.delete(requestId);
      run(blocks.map((block) => asLoaded(bytes, block)));
      return;
    }
    for (const { segment, offset, start, length, hasRecords } of blocks) {
      if (!hasRecords) continue;
      this.put(segment, offset, new Uint8Array(bytes, start, length));
    }
    this.evict(blocks.length);
    this.#finish(requestId);
  }

  /** The segment is gone: whoever asked finds that the message is gone too, or that somebody removed the file. */
  onMissed(requestId: number): void {
    this.#held.onMissed(requestId);
    this.#runs.get(requestId)?.([]);
    this.#runs.delete(requestId);
    this.#finish(requestId);
  }

  clear(): void {
    this.#held.letGo();
    this.#kept.clear();
    this.#loaded.clear();
    this.#bytes = 0;
    this.#lastKey = -1;
    this.#lastPayload = undefined;
    this.#loads.clear();
    this.#queued.length = 0;
    this.#underWay = 0;
    for (const run of this.#runs.values()) run([]);
    this.#runs.clear();
    this.#requestOf.clear();
  }

  #newRequestId(): number {
    this.#nextRequestId += 1;
    return this.#nextRequestId - 1;
  }

  /** Each load reads a good piece of a segment, so only a few are under way at a time. */
  #requestNext(): void {
    while (this.#underWay < MAX_LOADS_UNDER_WAY) {
      const requestId = this.#queued.shift();
      if (requestId === undefined) return;
      const load = this.#loads.get(requestId);
      if (load === undefined) continue;
      this.#underWay += 1;
      const segment = load.segment as SegmentNumber;
      this.#request({ requestId, segment, offset: load.offset, mayBeEnd: false });
    }
  }

  #overwritten(key: number): void {
    this.#kept.delete(key);
    if (key === this.#lastKey) this.#lastKey = -1;
  }

  #forget(key: number): void {
    const payload = this.#loaded.get(key);
    if (payload === undefined) return;
    this.#loaded.delete(key);
    this.#bytes -= payload.byteLength;
    if (key === this.#lastKey) this.#lastKey = -1;
  }

  #finish(requestId: number): void {
    const load = this.#loads.get(requestId);
    if (load === undefined) return;
    this.#loads.delete(requestId);
    this.#requestOf.delete(keyOf(load.segment, load.offset));
    this.#underWay -= 1;
    this.#requestNext();
    for (const loaded of load.waiting) loaded();
  }
}

function asLoaded(bytes: ArrayBuffer, block: TransferredBlock): LoadedBlock {
  return {
    offset: block.offset,
    lengthBytes: alignToSector(BLOCK_HEADER_BYTES + block.length),
    hasRecords: block.hasRecords,
    payload: new Uint8Array(bytes, block.start, block.length),
  };
}
