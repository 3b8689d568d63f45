/**
 * The header names that mean something to the broker. Each is a small number, so that a frame can
 * note where it has them without making strings.
 */
import { rangeEquals, utf8 } from './bytes.js';

/** Zero is "not a known header". */
export const HEADER = {
  destination: 1,
  receipt: 2,
  transaction: 3,
  contentLength: 4,
  persistent: 5,
  expires: 6,
  priority: 7,
  id: 8,
  ack: 9,
  messageId: 10,
  subscription: 11,
  prefetchCount: 12,
  activemqPrefetchSize: 13,
  durableSubscriptionName: 14,
  activemqSubscriptionName: 15,
  acceptVersion: 16,
  login: 17,
  passcode: 18,
  heartBeat: 19,
  clientId: 20,
  redelivered: 21,
  deliveryCount: 22,
  timestamp: 23,
  receiptId: 24,
  message: 25,
  version: 26,
  selector: 27,
  noLocal: 28,
  activemqNoLocal: 29,
  activemqExclusive: 30,
  browser: 31,
  session: 32,
  server: 33,
  amqDuplicateId: 34,
  duplicateId: 35,
  amqDeliveryTime: 36,
  scheduledDelay: 37,
  groupId: 38,
  groupSequence: 39,
  /** Of an ERROR, for programs. Holdfast's own. */
  errorCode: 40,
} as const;
export type KnownHeader = (typeof HEADER)[keyof typeof HEADER];

export const HEADER_NAME: Readonly<Record<KnownHeader, string>> = {
  [HEADER.destination]: 'destination',
  [HEADER.receipt]: 'receipt',
  [HEADER.transaction]: 'transaction',
  [HEADER.contentLength]: 'content-length',
  [HEADER.persistent]: 'persistent',
  [HEADER.expires]: 'expires',
  [HEADER.priority]: 'priority',
  [HEADER.id]: 'id',
  [HEADER.ack]: 'ack',
  [HEADER.messageId]: 'message-id',
  [HEADER.subscription]: 'subscription',
  [HEADER.prefetchCount]: 'prefetch-count',
  [HEADER.activemqPrefetchSize]: 'activemq.prefetchSize',
  [HEADER.durableSubscriptionName]: 'durable-subscription-name',
  [HEADER.activemqSubscriptionName]: 'activemq.subscriptionName',
  [HEADER.acceptVersion]: 'accept-version',
  [HEADER.login]: 'login',
  [HEADER.passcode]: 'passcode',
  [HEADER.heartBeat]: 'heart-beat',
  [HEADER.clientId]: 'client-id',
  [HEADER.redelivered]: 'redelivered',
  [HEADER.deliveryCount]: 'delivery-count',
  [HEADER.timestamp]: 'timestamp',
  [HEADER.receiptId]: 'receipt-id',
  [HEADER.message]: 'message',
  [HEADER.version]: 'version',
  [HEADER.selector]: 'selector',
  [HEADER.noLocal]: 'no-local',
  [HEADER.activemqNoLocal]: 'activemq.noLocal',
  [HEADER.activemqExclusive]: 'activemq.exclusive',
  [HEADER.browser]: 'browser',
  [HEADER.session]: 'session',
  [HEADER.server]: 'server',
  [HEADER.amqDuplicateId]: '_AMQ_DUPL_ID',
  [HEADER.duplicateId]: 'duplicate-id',
  [HEADER.amqDeliveryTime]: '_AMQ_SCHED_DELIVERY',
  [HEADER.scheduledDelay]: 'AMQ_SCHEDULED_DELAY',
  [HEADER.groupId]: 'JMSXGroupID',
  [HEADER.groupSequence]: 'JMSXGroupSeq',
  [HEADER.errorCode]: 'error-code',
};

const ALL_KNOWN_HEADERS: readonly KnownHeader[] = Object.values(HEADER);

/**
 * Headers of a SEND that are not stored with the message: the broker has used them up, or writes
 * them itself in every MESSAGE.
 */
const NOT_STORED = new Set<KnownHeader>([
  HEADER.destination,
  HEADER.receipt,
  HEADER.transaction,
  HEADER.contentLength,
  HEADER.persistent,
  HEADER.expires,
  HEADER.priority,
  HEADER.ack,
  HEADER.messageId,
  HEADER.subscription,
  HEADER.redelivered,
  HEADER.deliveryCount,
  HEADER.timestamp,
]);

const STORED = Uint8Array.from([0, ...ALL_KNOWN_HEADERS], (header) =>
  NOT_STORED.has(header as KnownHeader) ? 0 : 1,
);

/** `header` is a known header, or zero for any other: those are always stored. */
export function isStored(header: number): boolean {
  return STORED[header] === 1;
}

interface Candidate {
  readonly header: KnownHeader;
  readonly bytes: Uint8Array;
}

const CANDIDATES_BY_LENGTH: readonly (readonly Candidate[])[] = (() => {
  const byLength: Candidate[][] = Array.from({ length: 32 }, () => []);
  for (const header of ALL_KNOWN_HEADERS) {
    const bytes = utf8(HEADER_NAME[header]);
    byLength[bytes.length]?.push({ header, bytes });
  }
  return byLength;
})();

/** The known header whose name is in the range, or zero. */
export function knownHeaderInRange(bytes: Uint8Array, start: number, end: number): number {
  const candidates = CANDIDATES_BY_LENGTH[end - start];
  if (candidates === undefined) return 0;
  for (const candidate of candidates) {
    if (rangeEquals(bytes, start, end, candidate.bytes)) return candidate.header;
  }
  return 0;
}
