/** What clients write for a queue or a topic, as destinations of the broker. */
import { type Destination, TEMPORARY_PREFIX } from '../../broker/api.js';
import type { Config } from '../../config/schema.js';
import { faultOfName, MAX_NAME_BYTES, NAME_RULE } from '../shared/destination-name.js';
import { AmqpError, CONDITION } from './amqp-error.js';
import { NODE_CAPABILITY } from './terminus.js';

/** What a client was told stays whole: its kind is a part of the name. */
const TEMPORARY_TOPIC_PREFIX = `${TEMPORARY_PREFIX}topic:`;

interface Prefix {
  readonly text: string;
  readonly kind: Destination['kind'];
}

export class Addresses {
  /** The longest first, so that one may begin with another. */
  private readonly prefixes: readonly Prefix[];

  constructor({
    queuePrefixes,
    topicPrefixes,
  }: Pick<Config['amqp'], 'queuePrefixes' | 'topicPrefixes'>) {
    this.prefixes = [...listed(queuePrefixes, 'queue'), ...listed(topicPrefixes, 'topic')].sort(
      (one, other) => other.text.length - one.text.length,
    );
  }

  /**
   * A name without a prefix is a queue's, unless a capability says otherwise. Throws an error of the link
   * when `address` is none that a queue or a topic can have. `mayBePattern`: it is to be received from.
   */
  destinationOf(
    address: string,
    capabilities: readonly string[],
    mayBePattern = false,
  ): Destination {
    const prefix = this.prefixes.find(({ text }) => address.startsWith(text));
    const name = prefix === undefined ? address : address.slice(prefix.text.length);
    const isTopic =
      capabilities.includes(NODE_CAPABILITY.topic) || name.startsWith(TEMPORARY_TOPIC_PREFIX);
    const kind = prefix?.kind ?? (isTopic ? 'topic' : 'queue');
    const fault = faultOfName(name, mayBePattern && kind === 'topic');
    if (fault === null) return { kind, name };
    throw new AmqpError(
      'link',
      CONDITION.invalidField,
      fault === 'too-long'
        ? `The name of address "${address.slice(0, 100)}..." has more than ${MAX_NAME_BYTES} bytes`
        : `Address "${address.slice(0, 100)}" is not possible. ${NAME_RULE} Give a name, or a prefix of amqp.queuePrefixes or amqp.topicPrefixes and a name.`,
    );
  }
}

function listed(prefixes: string, kind: Destination['kind']): readonly Prefix[] {
  return prefixes
    .split(',')
    .map((each) => each.trim())
    .filter((text) => text !== '')
    .map((text) => ({ text, kind }));
}
