/** Where a link comes from and goes to: sources and targets (part 3, 3.5), as destinations of the broker. */
import { type Destination, TEMPORARY_PREFIX } from '../../broker/api.js';
import { faultOfName, MAX_NAME_BYTES, NAME_RULE } from '../shared/destination-name.js';
import { AmqpError, CONDITION } from './amqp-error.js';
import { type Read, readFields } from './composite.js';
import { COORDINATOR, SOURCE, TARGET } from './performatives.js';
import { ValueReader } from './value-reader.js';

export type Source = Read<typeof SOURCE>;
export type Target = Read<typeof TARGET>;

/** What JMS clients say a node is, and what this broker says back. */
export const NODE_CAPABILITY = { queue: 'queue', topic: 'topic' } as const;
const TEMPORARY_CAPABILITY = { queue: 'temporary-queue', topic: 'temporary-topic' } as const;

/** A new name that no client can have taken: `connectionId` is unique for ever, `number` on its connection. */
export function temporaryDestination(
  capabilities: readonly string[],
  connectionId: string,
  number: number,
): Destination {
  const { topic } = TEMPORARY_CAPABILITY;
  const isTopic = capabilities.includes(topic) || capabilities.includes(NODE_CAPABILITY.topic);
  const kind = isTopic ? 'topic' : 'queue';
  return { kind, name: `${TEMPORARY_PREFIX}${kind}:${connectionId}:${number}` };
}

/** How addresses tell queues from topics; a name without any prefix is a queue's, unless a capability says otherwise. */
const PREFIXES: readonly (readonly [string, Destination['kind']])[] = [
  ['queue://', 'queue'],
  ['topic://', 'topic'],
  ['/queue/', 'queue'],
  ['/topic/', 'topic'],
];
/** What a client was told stays whole: its kind is a part of the name. */
const TEMPORARY_TOPIC_PREFIX = `${TEMPORARY_PREFIX}topic:`;

export function readSource(raw: Uint8Array | null): Source | null {
  if (raw === null) return null;
  const reader = new ValueReader(raw);
  const descriptor = reader.descriptor();
  if (descriptor === SOURCE.code || descriptor === 'amqp:source:list') {
    return readFields(reader, SOURCE);
  }
  throw unsupported(`A source of type ${descriptor}`);
}

/** `coordinator`: transactions are declared and discharged on this link. */
export function readTarget(raw: Uint8Array | null): Target | 'coordinator' | null {
  if (raw === null) return null;
  const reader = new ValueReader(raw);
  const descriptor = reader.descriptor();
  if (descriptor === TARGET.code || descriptor === 'amqp:target:list') {
    return readFields(reader, TARGET);
  }
  if (descriptor === COORDINATOR.code || descriptor === 'amqp:coordinator:list') {
    return 'coordinator';
  }
  throw unsupported(`A target of type ${descriptor}`);
}

/**
 * Throws an error of the link when `address` is none that a queue or a topic can have. `mayBePattern`: it
 * is to be received from.
 */
export function destinationOf(
  address: string,
  capabilities: readonly string[],
  mayBePattern = false,
): Destination {
  const prefix = PREFIXES.find(([text]) => address.startsWith(text));
  const name = prefix === undefined ? address : address.slice(prefix[0].length);
  const isTopic =
    capabilities.includes(NODE_CAPABILITY.topic) || name.startsWith(TEMPORARY_TOPIC_PREFIX);
  const kind = prefix?.[1] ?? (isTopic ? 'topic' : 'queue');
  const fault = faultOfName(name, mayBePattern && kind === 'topic');
  if (fault === null) return { kind, name };
  throw new AmqpError(
    'link',
    CONDITION.invalidField,
    fault === 'too-long'
      ? `The name of address "${address.slice(0, 100)}..." has more than ${MAX_NAME_BYTES} bytes`
      : `Address "${address.slice(0, 100)}" is not possible. ${NAME_RULE} Give a name, with queue:// or topic:// before it when it should say so.`,
  );
}

function unsupported(what: string): AmqpError {
  return new AmqpError('link', CONDITION.notImplemented, `${what} is not offered by this broker`);
}
