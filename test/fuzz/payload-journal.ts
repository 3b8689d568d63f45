/** The payloads of blocks in a map: where a broker's batches go, and where its bodies come from. */
import { inMemory } from '../../src/broker/api.js';
import type { Broker } from '../../src/broker/broker.js';
import type { BlockPosition, BodySource } from '../../src/broker/host.js';
import { BLOCK_HEADER_BYTES } from '../../src/journal/format.js';
import { HoldfastError } from '../../src/platform/errors.js';

export interface StoredBlock {
  readonly payload: Uint8Array;
  readonly recordCount: number;
  readonly position: BlockPosition;
}

/** Apart from those of the blocks that were there before. */
const NEW_SEGMENT = 1000;
const BLOCK_DISTANCE_BYTES = 512;

export class PayloadJournal {
  /** Committed through this journal, in order. */
  readonly written: StoredBlock[] = [];
  readonly bodies: BodySource;
  readonly #payloads = new Map<string, Uint8Array>();

  constructor(blocks: readonly StoredBlock[]) {
    for (const { payload, position } of blocks) this.#payloads.set(keyOf(position), payload);
    this.bodies = {
      cached: (segment, blockOffset) => this.#payloads.get(keyOf({ segment, blockOffset })),
      load: (segment, blockOffset, loaded) => {
        if (!this.#payloads.has(keyOf({ segment, blockOffset }))) throw noSuchBlock();
        loaded();
      },
      hold: (_segment, _blockOffset, payload) => inMemory(payload),
    };
  }

  /** Commits every batch that the broker has, and those that come of it. */
  commitAll(broker: Broker): void {
    for (let batch = broker.takeBatch(); batch !== null; batch = broker.takeBatch()) {
      if (batch.end === BLOCK_HEADER_BYTES) {
        broker.committed(batch, null);
        continue;
      }
      const payload = batch.slab.slice(BLOCK_HEADER_BYTES, batch.end);
      const blockOffset = BLOCK_DISTANCE_BYTES * (this.written.length + 1);
      const position = { segment: NEW_SEGMENT, blockOffset };
      this.#payloads.set(keyOf(position), payload);
      this.written.push({ payload, recordCount: batch.recordCount, position });
      broker.committed(batch, position);
    }
  }
}

/** As the reading of a block from a real journal fails. */
function noSuchBlock(): HoldfastError {
  return new HoldfastError('JOURNAL_CORRUPT', 'There is no such block.');
}

function keyOf({ segment, blockOffset }: BlockPosition): string {
  return `${segment}/${blockOffset}`;
}
