/** Which names a queue or a topic may have, whatever protocol a client speaks. */

/** What clients write before a name to say what it is. Before the name alone it would be part of it. */
export const KIND_PREFIX = /^(?:\/(?:queue|topic)\/|(?:queue|topic):\/\/)/;

export const MAX_NAME_BYTES = 1000;
/** What ActiveMQ reads as wildcards, composites or options; kept free rather than misunderstood. */
const RESERVED = /[\p{Cc},?]/u;
/** A word of its own between dots. */
const WILDCARD = /(?:^|\.)[*>#](?:\.|$)/;
/** What stands for any number of words has to be the last one. */
const MISPLACED_WILDCARD = /(?:^|\.)[>#]\./;

export const NAME_RULE =
  'A name has no wildcards (*, > or # as a word of their own), commas, question marks or control characters; ' +
  'only a subscription to a topic may have wildcards, > and # as its last word.';

export type NameFault = 'empty' | 'reserved' | 'too-long';

/** What is wrong with a name; null when nothing is. `mayBePattern`: it is to subscribe to a topic. */
export function faultOfName(name: string, mayBePattern: boolean): NameFault | null {
  if (name === '') return 'empty';
  if (RESERVED.test(name)) return 'reserved';
  if ((mayBePattern ? MISPLACED_WILDCARD : WILDCARD).test(name)) return 'reserved';
  return new TextEncoder().encode(name).length > MAX_NAME_BYTES ? 'too-long' : null;
}
