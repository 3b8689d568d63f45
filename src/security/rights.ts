/** What a user may do where: rules of addresses, patterns as subscriptions to topics have them. */
import { covers } from '../broker/topic-patterns.js';

/**
 * - `send`: send messages to the address.
 * - `consume`: take messages from it, and with that also browse it.
 * - `browse`: look at what a queue holds.
 * - `create`: bring a queue or a durable subscription into being by using it.
 * - `manage`: what operators do with it: look at it, and change it, by the admin listener.
 */
export const RIGHTS = ['send', 'consume', 'browse', 'create', 'manage'] as const;
export type Right = (typeof RIGHTS)[number];

export interface Rule {
  /** A name or a pattern, of queues and topics alike: `orders.>`. */
  readonly address: string;
  readonly allow: readonly Right[];
}

/** Whether some rule gives the right to every address that `name` may mean; a pattern means many. */
export function isAllowed(rules: readonly Rule[], right: Right, name: string): boolean {
  return rules.some(
    ({ address, allow }) =>
      (allow.includes(right) || (right === 'browse' && allow.includes('consume'))) &&
      covers(address, name),
  );
}
