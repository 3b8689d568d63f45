/** Which names a queue or a topic may have, whatever protocol a client speaks. */

export const MAX_NAME_BYTES = 1000;
/** What ActiveMQ reads as wildcards, composites or options; kept free rather than misunderstood. */
const RESERVED = /[\p{Cc},?]|(?:^|\.)[*>](?:\.|$)/u;

export const NAME_RULE =
  'A name has no wildcards (* or > as a part of their own), commas, question marks or control characters.';

export type NameFault = 'empty' | 'reserved' | 'too-long';

/** What is wrong with a name; null when nothing is. */
export function faultOfName(name: string): NameFault | null {
  if (name === '') return 'empty';
  if (RESERVED.test(name)) return 'reserved';
  return new TextEncoder().encode(name).length > MAX_NAME_BYTES ? 'too-long' : null;
}
