/**
 * What the main thread and the storage thread say to each other. The storage thread owns every
 * descriptor of the store; the main thread owns the broker and the clients. Buffers are transferred,
 * never shared, so each has one owner at any time.
 */

import type { Cursor, SegmentNumber } from '../journal/format.js';
import type { Tenure } from '../ownership/epoch.js';
import type { Role } from '../ownership/role.js';
import type { ErrorCode } from '../platform/errors.js';
import type { LogFields } from '../platform/logger.js';
import type { HandoverRequest, LiveDocument, NodeDocument, Reach } from '../store/documents.js';
import type { SlowCall } from './call-watch.js';

/** Where a block's payload lies in a transferred buffer, and where the block lies in the journal. */
export interface TransferredBlock {
  readonly start: number;
  readonly length: number;
  readonly recordCount: number;
  /** False for a tenure block, which has no records. */
  readonly hasRecords: boolean;
  readonly segment: SegmentNumber;
  readonly offset: number;
}

export type StorageCommand =
  /** One block: records from BLOCK_HEADER_BYTES to `end`. Only in a tenure, one at a time. */
  | { kind: 'append'; slab: ArrayBuffer; end: number; recordCount: number }
  /** Reads the block at a place that a message lies in, and some that follow it. */
  | { kind: 'load'; requestId: number; segment: SegmentNumber; offset: number; mayBeEnd: boolean }
  /** Reads a part of a block that was read, and verified, before: the part has this checksum. */
  | {
      kind: 'load-part';
      requestId: number;
      segment: SegmentNumber;
      offset: number;
      length: number;
      checksum: number;
    }
  /** Everything up to `cursor` is in the index; the follower may send more. */
  | { kind: 'applied'; bytes: number }
  | { kind: 'confirmed'; cursor: Cursor }
  | { kind: 'checkpoint'; covers: Cursor; payloads: ArrayBuffer[] }
  | { kind: 'delete-segments'; segments: readonly SegmentNumber[] }
  /** The segment that follows `after`; nothing when writing has gone on to it meanwhile. */
  | { kind: 'prepare-segment'; after: SegmentNumber }
  | { kind: 'reach'; reach: Reach }
  /** The answer to `quiesce`: nothing is under way any more, clients are gone, and all up to `cursor` is in the index. */
  | { kind: 'quiesced'; cursor: Cursor }
  /** For an operator: answered by `answer`, late or with a failure when the store is. */
  | { kind: 'ask'; requestId: number; question: OperatorQuestion }
  | { kind: 'stop' };

export type OperatorQuestion =
  | { readonly about: 'tenures' }
  /** `by`: who wants it, for people. */
  | { readonly about: 'handover'; readonly to: string | null; readonly by: string };

export interface TailFacts {
  readonly segment: SegmentNumber;
  readonly usedBytes: number;
  readonly sizeBytes: number;
  readonly spareBytes: number;
}

export interface PeerFacts {
  readonly document: NodeDocument;
  /** Its document was seen to change a short while ago. */
  readonly isRunning: boolean;
}

export type StorageEvent =
  | { kind: 'role'; role: Role; epoch: number; detail: string }
  /** Forget the index: the follower starts again from a checkpoint or the beginning. */
  | { kind: 'reset' }
  | { kind: 'restore'; payload: ArrayBuffer }
  | { kind: 'blocks'; bytes: ArrayBuffer; blocks: readonly TransferredBlock[]; fileBytes: number }
  | {
      kind: 'live';
      epoch: number;
      cursor: Cursor;
      tail: TailFacts;
      checkpointCovers: Cursor | null;
      checkpointBytes: number;
      verifiedBeganMs: number;
    }
  | {
      kind: 'appended';
      slab: ArrayBuffer;
      segment: SegmentNumber;
      offset: number;
      cursor: Cursor;
      tail: TailFacts;
      verifiedBeganMs: number;
      /** What the synchronous write of the block took. */
      writeMs: number;
    }
  | { kind: 'verified'; beganMs: number }
  | { kind: 'segments'; sizes: readonly { segment: SegmentNumber; sizeBytes: number }[] }
  | { kind: 'loaded'; requestId: number; bytes: ArrayBuffer; blocks: readonly TransferredBlock[] }
  | { kind: 'part-loaded'; requestId: number; bytes: ArrayBuffer }
  /** The segment was deleted before it could be read, and not by a successor. */
  | { kind: 'load-missed'; requestId: number; segment: SegmentNumber }
  | { kind: 'checkpoint-written'; covers: Cursor; bytes: number }
  | { kind: 'segments-deleted'; segments: readonly SegmentNumber[] }
  /** Or it could not be, for want of room; or it was not needed any more, as the tail tells. */
  | { kind: 'segment-prepared'; tail: TailFacts; lacksRoom: boolean }
  /** Once a second. `lockPolls`: tries of the election lock so far; `lagBytes`: what a backup has still to read. */
  | { kind: 'free-bytes'; bytes: number; lockPolls: number; lagBytes: number }
  /** The call to the store that has not been answered for longest, while it is slow; then null. */
  | { kind: 'slow-call'; slowest: SlowCall | null }
  /** The other nodes' documents, as they were read last. */
  | { kind: 'peers'; peers: readonly PeerFacts[] }
  /** Who is live elsewhere, as far as this node knows: where a backup passes clients on to. */
  | { kind: 'live-elsewhere'; document: LiveDocument | null }
  /** A backup has not seen a sign of the live node for so long, though the store answers; 0: it is heard again. */
  | { kind: 'live-silent'; document: LiveDocument; silentMs: number }
  | {
      kind: 'answer';
      requestId: number;
      failure: { readonly code: ErrorCode; readonly sentence: string } | null;
      tenures: readonly Tenure[];
      /** It tells how the last of them ended while nobody has come after it. */
      lastLive: LiveDocument | null;
      /** Of a handover. */
      outcome: HandoverRequest['outcome'];
    }
  /** Finish what is under way, close the clients, then say `quiesced`. */
  | { kind: 'quiesce'; why: string }
  | {
      kind: 'log';
      level: 'debug' | 'info' | 'warn' | 'error';
      event: string;
      fields: LogFields;
      sentence: string;
    }
  /** The last message: the storage thread is done. `code` is null after a stop in good order. */
  | { kind: 'ended'; code: ErrorCode | null; sentence: string };
