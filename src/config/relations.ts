/**
 * Limits that only make sense together, as a table. Each setting is already within its own range
 * when these are checked.
 */

import type { Config } from './schema.js';

export interface Relation {
  /** The setting that has to be large enough, and the one that it is compared with. */
  readonly path: string;
  readonly otherPath: string;
  /** What `path` must be, to follow "must be". */
  readonly rule: string;
  readonly reason: string;
  readonly holds: (config: Config) => boolean;
}

export const RELATIONS: readonly Relation[] = [
  {
    path: 'ownership.freshMs',
    otherPath: 'ownership.checkIntervalMs',
    rule: 'more than twice ownership.checkIntervalMs',
    reason: 'one late verification would stop confirmations',
    holds: ({ ownership }) => ownership.freshMs > 2 * ownership.checkIntervalMs,
  },
  {
    path: 'ownership.storeStallLimitMs',
    otherPath: 'ownership.freshMs',
    rule: 'more than ownership.freshMs',
    reason: 'the node would exit before its ownership is even in doubt',
    holds: ({ ownership }) => ownership.storeStallLimitMs > ownership.freshMs,
  },
  {
    path: 'hooks.fenceAfterMs',
    otherPath: 'ownership.statusIntervalMs',
    rule: 'at least three times ownership.statusIntervalMs',
    reason: 'a live node that is well would be taken for silent',
    holds: ({ hooks, ownership }) => hooks.fenceAfterMs >= 3 * ownership.statusIntervalMs,
  },
  {
    path: 'journal.segmentBytes',
    otherPath: 'journal.maxBatchBytes',
    rule: 'at least journal.maxBatchBytes',
    reason: 'every block would need a segment of its own',
    holds: ({ journal }) => journal.segmentBytes >= journal.maxBatchBytes,
  },
  {
    path: 'limits.maxTransactionBytes',
    otherPath: 'stomp.maxBodyBytes',
    rule: 'at least stomp.maxBodyBytes',
    reason: 'a message could be sent alone but never in a transaction',
    holds: ({ limits, stomp }) => limits.maxTransactionBytes >= stomp.maxBodyBytes,
  },
  {
    path: 'limits.maxTransactionBytes',
    otherPath: 'amqp.maxMessageBytes',
    rule: 'at least amqp.maxMessageBytes',
    reason: 'a message could be sent alone but never in a transaction',
    holds: ({ limits, amqp }) =>
      amqp.listen === undefined || limits.maxTransactionBytes >= amqp.maxMessageBytes,
  },
  {
    path: 'limits.topicBacklogMaxBytes',
    otherPath: 'stomp.maxBodyBytes',
    rule: 'at least stomp.maxBodyBytes',
    reason: 'one message would disconnect every subscriber of its topic',
    holds: ({ limits, stomp }) => limits.topicBacklogMaxBytes >= stomp.maxBodyBytes,
  },
  {
    path: 'limits.topicBacklogMaxBytes',
    otherPath: 'amqp.maxMessageBytes',
    rule: 'at least amqp.maxMessageBytes',
    reason: 'one message would disconnect every subscriber of its topic',
    holds: ({ limits, amqp }) =>
      amqp.listen === undefined || limits.topicBacklogMaxBytes >= amqp.maxMessageBytes,
  },
  {
    path: 'limits.maxPrefetch',
    otherPath: 'amqp.maxUnsettledPerLink',
    rule: 'at least amqp.maxUnsettledPerLink',
    reason: 'every AMQP receiver would be refused',
    holds: ({ limits, amqp }) =>
      amqp.listen === undefined || limits.maxPrefetch >= amqp.maxUnsettledPerLink,
  },
  {
    path: 'limits.maxPrefetch',
    otherPath: 'limits.defaultPrefetch',
    rule: 'at least limits.defaultPrefetch',
    reason: 'the default would be more than anybody may ask for',
    holds: ({ limits }) => limits.maxPrefetch >= limits.defaultPrefetch,
  },
];
