/**
 * Deliberate bugs, each of which the simulation must find: a canary that survives is a hole in the
 * simulated world. docs/testing.md has the table of what caught each.
 */
import { AMQP_CANARIES } from './amqp-canaries.js';
import type { Canary } from './canary.js';
import { DUPLICATE_CANARIES } from './duplicate-canaries.js';
import { JOURNAL_CANARIES } from './journal-canaries.js';
import { ORDER_CANARIES } from './order-canaries.js';
import { OWNERSHIP_CANARIES } from './ownership-canaries.js';

export const CANARIES: readonly Canary[] = [
  ...JOURNAL_CANARIES,
  ...OWNERSHIP_CANARIES,
  ...DUPLICATE_CANARIES,
  ...ORDER_CANARIES,
  ...AMQP_CANARIES,
];
