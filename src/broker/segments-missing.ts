/** A segment is gone though messages lie in it: told by whoever finds out first, the broker or its house. */
import { HoldfastError } from '../platform/errors.js';

/** Of a node that owns the store: a deposed one misses what its successor has deleted, and has to know that before. */
export function segmentsMissing(segments: readonly number[]): HoldfastError {
  return new HoldfastError(
    'JOURNAL_CORRUPT',
    `The journal lacks segment ${segments.join(', ')}, in which stored messages lie. Somebody removed it: ` +
      'restore the store from a copy.',
  );
}
