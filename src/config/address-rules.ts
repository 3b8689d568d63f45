/**
 * What may be set for addresses by a pattern of their names. Nothing here has a default: what no
 * pattern says comes from a less exact one, and in the end from `limits` (broker/address-settings.ts).
 */
import * as v from 'valibot';
import { WHEN_FULL } from '../broker/address-settings.js';
import { Factor, OneOf, Text, WholeNumber } from './setting-types.js';

const DAY_MS = 86_400_000;
/** A hundred years. */
const LONGEST_TIME_TO_LIVE_MS = 36_525 * DAY_MS;
const QUEUE_NAME = 'the name of a queue, without a prefix and wildcards';

export const AddressRule = v.strictObject({
  /** The key of the map in the file: which addresses the rule is for. */
  pattern: v.string(),
  deadLetterAddress: v.exactOptional(
    Text(
      'The queue for messages that failed too often; empty: they are dropped. Default: `DLQ.` and the name of the address',
      `${QUEUE_NAME}, or ""`,
    ),
  ),
  expiryAddress: v.exactOptional(
    Text(
      'The queue for messages that expired. Default, and empty: they are dropped',
      `${QUEUE_NAME}, or ""`,
    ),
  ),
  maxMessages: v.exactOptional(
    WholeNumber('Messages that a queue may hold. Default: `limits.queueMaxMessages`', 1, 1e9),
  ),
  maxBytes: v.exactOptional(
    WholeNumber(
      'Bytes that its messages may have. Default: `limits.queueMaxBytes`',
      1,
      Number.MAX_SAFE_INTEGER,
    ),
  ),
  whenFull: v.exactOptional(
    OneOf(
      'What a queue above either does: `block` holds its producers back, `drop` drops new messages and confirms them, `reject` refuses them. Default: `block`',
      WHEN_FULL,
    ),
  ),
  maxDeliveries: v.exactOptional(
    WholeNumber(
      'Failed deliveries after which a message goes to the dead-letter address. Default: `limits.maxDeliveries`',
      1,
      65_535,
    ),
  ),
  redeliveryDelayMs: v.exactOptional(
    WholeNumber(
      'How long a message that failed waits for its next delivery. Default: `limits.redeliveryDelayMs`',
      0,
      DAY_MS,
    ),
  ),
  redeliveryDelayMultiplier: v.exactOptional(
    Factor('By what the delay grows with each further failure. Default: 1', 1, 1_000),
  ),
  maxRedeliveryDelayMs: v.exactOptional(
    WholeNumber(
      'How long the delay becomes at most. Default: ten times `redeliveryDelayMs`',
      0,
      30 * DAY_MS,
    ),
  ),
  duplicateIds: v.exactOptional(
    WholeNumber(
      'Ids (`_AMQ_DUPL_ID`) that are remembered; 0: none is looked for. Default: `limits.duplicateIdsPerAddress`',
      0,
      10_000_000,
    ),
  ),
  defaultTimeToLiveMs: v.exactOptional(
    WholeNumber(
      'How long a message lives that its sender gave no expiry; 0: for ever. Default: 0',
      0,
      LONGEST_TIME_TO_LIVE_MS,
    ),
  ),
  maxTimeToLiveMs: v.exactOptional(
    WholeNumber(
      'How long any message lives at most, whatever its sender says; 0: no limit. Default: 0',
      0,
      LONGEST_TIME_TO_LIVE_MS,
    ),
  ),
});
