/**
 * Says in a message's own headers why it lies at a dead-letter or an expiry address.
 * `dlqDeliveryFailureCause` and `original-destination` are what ActiveMQ shows there, so that its
 * tools' scripts still work.
 */
import {
  CONTENT_KIND,
  type ContentKind,
  type DeadLetterFacts,
  type Destination,
} from '../../broker/api.js';
import { faultOfName } from '../shared/destination-name.js';
import { COLON, LINE_FEED, rangeEquals, utf8 } from './bytes.js';
import { destinationText } from './destination.js';
import { escapeHeader } from './escaping.js';
import { storedHeaderLines } from './stored-header-lines.js';
import { VERSION } from './version.js';

const REASON = 'dlqDeliveryFailureCause';
const ORIGINAL_DESTINATION = 'original-destination';
const DELIVERIES = 'original-delivery-count';
const EXPIRY = 'original-expires';
const OWN_NAMES = [REASON, ORIGINAL_DESTINATION, DELIVERIES, EXPIRY].map(utf8);

/** Stored headers with the cause at their end; what an earlier dead-lettering said is replaced. */
export function deadLetterHeaders(
  contentKind: ContentKind,
  headers: Uint8Array,
  cause: DeadLetterFacts,
): Uint8Array {
  if (contentKind === CONTENT_KIND.amqp) {
    throw new RangeError(`Content kind ${contentKind} is not STOMP's.`);
  }
  const causeLines = utf8(
    line(REASON, cause.reason) +
      line(ORIGINAL_DESTINATION, destinationText(cause.originalDestination)) +
      line(DELIVERIES, String(cause.deliveries)) +
      (cause.expiredAtMs > 0 ? line(EXPIRY, String(cause.expiredAtMs)) : ''),
  );
  const result = new Uint8Array(headers.length + causeLines.length);
  let length = 0;
  for (let start = 0; start < headers.length; ) {
    const end = headers.indexOf(LINE_FEED, start) + 1;
    const nameEnd = headers.indexOf(COLON, start);
    if (!OWN_NAMES.some((name) => rangeEquals(headers, start, nameEnd, name))) {
      result.set(headers.subarray(start, end), length);
      length += end - start;
    }
    start = end;
  }
  result.set(causeLines, length);
  return result.subarray(0, length + causeLines.length);
}

/** As `deadLetterHeaders` wrote it; null when they do not say, or something that is no destination. */
export function originalDestination(headers: Uint8Array): Destination | null {
  let original: Destination | null = null;
  for (const [name, value] of storedHeaderLines(headers, 0, headers.length)) {
    if (name === ORIGINAL_DESTINATION) original = destinationOf(value);
  }
  return original;
}

function destinationOf(text: string): Destination | null {
  const [, kind, name = ''] = /^\/(queue|topic)\/(.+)$/s.exec(text) ?? [];
  if (faultOfName(name, false) !== null) return null;
  return { kind: kind === 'topic' ? 'topic' : 'queue', name };
}

function line(name: string, value: string): string {
  return `${name}:${escapeHeader(value, VERSION.v12)}\n`;
}
