/** Where a link comes from and goes to: sources and targets (part 3, 3.5), as destinations of the broker. */
import { type Destination, TEMPORARY_PREFIX } from '../../broker/api.js';
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

function unsupported(what: string): AmqpError {
  return new AmqpError('link', CONDITION.notImplemented, `${what} is not offered by this broker`);
}
