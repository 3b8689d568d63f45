/**
 * Says in a message's annotations why it lies at a dead-letter or an expiry address, as Artemis does: the bare message
 * is its sender's, and stays as it is.
 */
import type { DeadLetterFacts, Destination } from '../../broker/api.js';
import { faultOfName } from '../shared/destination-name.js';
import { AmqpError } from './amqp-error.js';
import { SECTION, sectionCode } from './message-sections.js';
import { ValueReader } from './value-reader.js';
import { ValueWriter } from './value-writer.js';

const REASON = 'x-opt-dlq-delivery-failure-cause';
const ORIGINAL_ADDRESS = 'x-opt-ORIG-ADDRESS';
const DELIVERIES = 'x-opt-ORIG-DELIVERY-COUNT';
const EXPIRY = 'x-opt-ACTUAL-EXPIRY';
const OWN_KEYS: ReadonlySet<unknown> = new Set([REASON, ORIGINAL_ADDRESS, DELIVERIES, EXPIRY]);

/** The annotations section with the cause at its end; what an earlier dead-lettering said is replaced. */
export function deadLetterAnnotations(annotations: Uint8Array, cause: DeadLetterFacts): Uint8Array {
  const { kind, name } = cause.originalDestination;
  const kept = annotations.length === 0 ? [] : foreignPairs(annotations);
  const writer = new ValueWriter();
  writer.describedBy(SECTION.messageAnnotations);
  const start = writer.beginMap();
  for (const pair of kept) writer.raw(pair);
  writer.symbol(REASON);
  writer.string(cause.reason);
  writer.symbol(ORIGINAL_ADDRESS);
  writer.string(`${kind}://${name}`);
  writer.symbol(DELIVERIES);
  writer.uint(cause.deliveries);
  if (cause.expiredAtMs > 0) {
    writer.symbol(EXPIRY);
    writer.long(cause.expiredAtMs);
  }
  writer.endCompound(start, 2 * kept.length + (cause.expiredAtMs > 0 ? 8 : 6));
  return writer.written;
}

/** As `deadLetterAnnotations` wrote it; null when they do not say, or something that is no destination. */
export function originalDestination(annotations: Uint8Array): Destination | null {
  if (annotations.length === 0) return null;
  let address: unknown = null;
  try {
    const reader = new ValueReader(annotations);
    sectionCode(reader);
    reader.pairs((key, start) => {
      if (key !== ORIGINAL_ADDRESS) return;
      reader.at = start;
      reader.skip();
      address = reader.value();
    });
  } catch (error) {
    if (!(error instanceof AmqpError)) throw error;
    return null;
  }
  const [, kind, name = ''] = /^(queue|topic):\/\/(.+)$/s.exec(String(address)) ?? [];
  if (faultOfName(name, false) !== null) return null;
  return { kind: kind === 'topic' ? 'topic' : 'queue', name };
}

/** Each key with its value, as bytes; nothing of what cannot be read: a dead letter must get where it belongs. */
function foreignPairs(annotations: Uint8Array): Uint8Array[] {
  const pairs: Uint8Array[] = [];
  try {
    const reader = new ValueReader(annotations);
    sectionCode(reader);
    reader.pairs((key, start, end) => {
      if (!OWN_KEYS.has(key)) pairs.push(annotations.subarray(start, end));
    });
  } catch (error) {
    if (!(error instanceof AmqpError)) throw error;
    return [];
  }
  return pairs;
}
