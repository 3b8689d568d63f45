/** What a user may do where: rules of addresses, patterns as subscriptions to topics have them. */
import { covers } from '../broker/topic-patterns.js';
import { HoldfastError } from '../platform/errors.js';

/**
 * - `send`: send messages to the address.
 * - `consume`: take messages from it, and with that also browse it.
 * - `view`: look at its figures, and at who uses it.
 * - `browse`: look at the messages that a queue holds, and at its figures.
 * - `create`: bring a queue or a durable subscription into being, as by using it.
 * - `manage`: what operators do with it: look at it, make it, change it, remove it, by the admin listener.
 */
export const RIGHTS = ['send', 'consume', 'view', 'browse', 'create', 'manage'] as const;
export type Right = (typeof RIGHTS)[number];

/** Rights that include it, beside itself. */
const INCLUDED_IN: { readonly [right in Right]: readonly Right[] } = {
  send: [],
  consume: [],
  view: ['browse', 'consume', 'manage'],
  browse: ['consume', 'manage'],
  create: ['manage'],
  manage: [],
};

/** As a name: it stands for every address. */
export const EVERY_ADDRESS = '>';

export interface Rule {
  /** A name or a pattern, of queues and topics alike: `orders.>`. */
  readonly address: string;
  readonly allow: readonly Right[];
}

/** Whether some rule gives the right to every address that `name` may mean; a pattern means many. */
export function isAllowed(rules: readonly Rule[], right: Right, name: string): boolean {
  return rules.some((rule) => gives(rule, right) && covers(rule.address, name));
}

/** Whether there is an address that some rule gives the right to. */
export function isAllowedSomewhere(rules: readonly Rule[], right: Right): boolean {
  return rules.some((rule) => gives(rule, right));
}

function gives({ allow }: Rule, right: Right): boolean {
  return allow.includes(right) || INCLUDED_IN[right].some((more) => allow.includes(more));
}

/** `where`: `queue "orders"`. */
export function accessDenied(user: string, right: Right, where: string): HoldfastError {
  return new HoldfastError(
    'ACCESS_DENIED',
    `User ${user} has no right to ${right} on ${where}; ` +
      'ask for a role with a rule that allows it (docs/security.md).',
  );
}
