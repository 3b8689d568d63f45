/**
 * Large blocks that are being delivered, read back part by part: each client is at another place, and
 * takes its time, so none of them may keep the whole of a block in memory. Their segments stay in the
 * journal meanwhile. What the parts have to be is known by checksums of a payload that was verified
 * (P6). Main thread.
 */

import type { HeldBytes } from '../broker/api.js';
import type { SegmentUsage } from '../broker/host.js';
import { segmentsMissing } from '../broker/segments-missing.js';
import { checksumOf } from '../journal/checksum.js';
import { BLOCK_HEADER_BYTES, type SegmentNumber } from '../journal/format.js';

/** What one client that reads a large message has in memory of it, besides what waits for its socket. */
const PART_BYTES = 256 * 1024;

export interface PartRequest {
  readonly requestId: number;
  readonly segment: SegmentNumber;
  /** In the file. */
  readonly offset: number;
  readonly length: number;
  readonly checksum: number;
}

export interface HeldBlocksOptions {
  readonly usage: SegmentUsage;
  readonly requestPart: (request: PartRequest) => void;
  /** The whole payload, while it is in memory anyway. */
  readonly cached: (segment: number, blockOffset: number) => Uint8Array | undefined;
  readonly newRequestId: () => number;
}

interface HeldBlock {
  readonly segment: number;
  readonly blockOffset: number;
  readonly length: number;
  /** Of each part. */
  readonly checksums: readonly number[];
  holders: number;
}

export class HeldBlocks {
  readonly #options: HeldBlocksOptions;
  readonly #blocks = new Map<string, HeldBlock>();
  readonly #waiting = new Map<number, { readonly segment: number; readonly reader: BlockReader }>();
  /** Changes when the tenure ends: what was held before it is nobody's any more. */
  #tenure = 0;

  constructor(options: HeldBlocksOptions) {
    this.#options = options;
  }

  hold(segment: number, blockOffset: number, payload: Uint8Array): HeldBytes {
    const key = `${segment} ${blockOffset}`;
    const block = this.#blocks.get(key) ?? this.#add(key, segment, blockOffset, payload);
    block.holders += 1;
    const tenure = this.#tenure;
    return new BlockReader(
      () => (tenure === this.#tenure ? this.#options.cached(segment, blockOffset) : undefined),
      (reader, part) => {
        if (tenure === this.#tenure) this.#request(block, reader, part);
      },
      () => {
        if (tenure === this.#tenure) this.#release(key, block);
      },
    );
  }

  /** What was asked for by `requestPart`. */
  onPart(requestId: number, bytes: ArrayBuffer): void {
    const waiting = this.#waiting.get(requestId);
    this.#waiting.delete(requestId);
    waiting?.reader.loaded(new Uint8Array(bytes));
  }

  /** Its segment is kept for whoever reads on, so nobody but an intruder can have removed it. */
  onMissed(requestId: number): void {
    const waiting = this.#waiting.get(requestId);
    this.#waiting.delete(requestId);
    if (waiting?.reader.isReleased === false) throw segmentsMissing([waiting.segment]);
  }

  /** Nobody reads on: the tenure is over. */
  letGo(): void {
    this.#tenure += 1;
    for (const { segment, length } of this.#blocks.values()) {
      this.#options.usage.release(segment, length);
    }
    this.#blocks.clear();
    this.#waiting.clear();
  }

  #add(key: string, segment: number, blockOffset: number, payload: Uint8Array): HeldBlock {
    const checksums: number[] = [];
    for (let at = 0; at < payload.length; at += PART_BYTES) {
      checksums.push(checksumOf(payload.subarray(at, at + PART_BYTES), 0));
    }
    const block = { segment, blockOffset, length: payload.length, checksums, holders: 0 };
    this.#blocks.set(key, block);
    this.#options.usage.retain(segment, block.length);
    return block;
  }

  #release(key: string, block: HeldBlock): void {
    block.holders -= 1;
    if (block.holders > 0) return;
    this.#blocks.delete(key);
    this.#options.usage.release(block.segment, block.length);
  }

  #request(
    { segment, blockOffset, length, checksums }: HeldBlock,
    reader: BlockReader,
    part: number,
  ): void {
    const requestId = this.#options.newRequestId();
    const start = part * PART_BYTES;
    this.#waiting.set(requestId, { segment, reader });
    this.#options.requestPart({
      requestId,
      segment: segment as SegmentNumber,
      offset: blockOffset + BLOCK_HEADER_BYTES + start,
      length: Math.min(PART_BYTES, length - start),
      checksum: checksums[part] as number,
    });
  }
}

/** One client's way through a block. */
class BlockReader implements HeldBytes {
  readonly #cached: () => Uint8Array | undefined;
  readonly #request: (reader: BlockReader, part: number) => void;
  readonly #onReleased: () => void;
  /** The part that was loaded last, and its number; -1 before the first. */
  #bytes: Uint8Array | null = null;
  #part = -1;
  #ready: (() => void) | null = null;
  isReleased = false;

  constructor(
    cached: () => Uint8Array | undefined,
    request: (reader: BlockReader, part: number) => void,
    onReleased: () => void,
  ) {
    this.#cached = cached;
    this.#request = request;
    this.#onReleased = onReleased;
  }

  from(position: number, ready: () => void): Uint8Array | null {
    const whole = this.#cached();
    if (whole !== undefined) return whole.subarray(position);
    const part = Math.floor(position / PART_BYTES);
    if (part === this.#part && this.#bytes !== null) {
      return this.#bytes.subarray(position - part * PART_BYTES);
    }
    const isUnderWay = this.#ready !== null;
    this.#ready = ready;
    if (isUnderWay) return null;
    this.#bytes = null;
    this.#part = part;
    this.#request(this, part);
    return null;
  }

  loaded(bytes: Uint8Array): void {
    const ready = this.#ready;
    this.#ready = null;
    if (this.isReleased) return;
    this.#bytes = bytes;
    ready?.();
  }

  release(): void {
    if (this.isReleased) return;
    this.isReleased = true;
    this.#bytes = null;
    this.#onReleased();
  }
}
