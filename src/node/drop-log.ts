/** Tells operators that messages are dropped because they have set it so. */
import type { Destination } from '../broker/api.js';
import type { DropCause } from '../broker/drops.js';
import type { Logger } from '../platform/logger.js';

const SENTENCES: { readonly [Cause in DropCause]: (address: string) => string } = {
  full: (address) =>
    `${address} is full and drops messages, as its whenFull says; more are not told of`,
  failed: (address) =>
    `${address}: a message failed too often and is dropped, as its deadLetterAddress is empty; more are not told of`,
};

export function logFirstDrop(logger: Logger, { kind, name }: Destination, cause: DropCause): void {
  logger.warn('message-dropped', { kind, name, cause }, SENTENCES[cause](`The ${kind} "${name}"`));
}
