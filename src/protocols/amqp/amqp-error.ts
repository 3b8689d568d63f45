/** What goes wrong on an AMQP connection, with the error condition that its peer is told. */
import { HoldfastError } from '../../platform/errors.js';
import type { HostPort } from '../../platform/ports.js';

/** OASIS AMQP 1.0, 2.8.14 to 2.8.19 and 4.5.8: `amqp-error`, `connection-error`, `session-error`, `link-error`, `transaction-error`. */
export const CONDITION = {
  internalError: 'amqp:internal-error',
  notFound: 'amqp:not-found',
  unauthorizedAccess: 'amqp:unauthorized-access',
  decodeError: 'amqp:decode-error',
  resourceLimitExceeded: 'amqp:resource-limit-exceeded',
  notAllowed: 'amqp:not-allowed',
  invalidField: 'amqp:invalid-field',
  notImplemented: 'amqp:not-implemented',
  resourceLocked: 'amqp:resource-locked',
  preconditionFailed: 'amqp:precondition-failed',
  resourceDeleted: 'amqp:resource-deleted',
  illegalState: 'amqp:illegal-state',
  frameSizeTooSmall: 'amqp:frame-size-too-small',
  connectionForced: 'amqp:connection:forced',
  framingError: 'amqp:connection:framing-error',
  connectionRedirect: 'amqp:connection:redirect',
  windowViolation: 'amqp:session:window-violation',
  errantLink: 'amqp:session:errant-link',
  handleInUse: 'amqp:session:handle-in-use',
  unattachedHandle: 'amqp:session:unattached-handle',
  detachForced: 'amqp:link:detach-forced',
  transferLimitExceeded: 'amqp:link:transfer-limit-exceeded',
  messageSizeExceeded: 'amqp:link:message-size-exceeded',
  linkRedirect: 'amqp:link:redirect',
  stolen: 'amqp:link:stolen',
  unknownTransaction: 'amqp:transaction:unknown-id',
  transactionRollback: 'amqp:transaction:rollback',
  transactionTimeout: 'amqp:transaction:timeout',
} as const;
export type Condition = (typeof CONDITION)[keyof typeof CONDITION];

/** What ends with the error: everything, or only the session or the link that it happened on. */
export type ErrorScope = 'connection' | 'session' | 'link';

export class AmqpError extends HoldfastError {
  readonly condition: Condition;
  readonly scope: ErrorScope;

  constructor(scope: ErrorScope, condition: Condition, description: string) {
    const isLimit = LIMITS.has(condition);
    super(isLimit ? 'LIMIT_EXCEEDED' : 'CLIENT_FAILED', description);
    this.scope = scope;
    this.condition = condition;
  }
}

/** 2.8.16: this connection is to be made to another node, which `address` leads to. */
export class RedirectError extends AmqpError {
  readonly address: HostPort;
  readonly scheme: string;

  constructor(address: HostPort, scheme: string) {
    super(
      'connection',
      CONDITION.connectionRedirect,
      `Clients are served by the live node, at ${address.host}:${address.port}; connect there`,
    );
    this.address = address;
    this.scheme = scheme;
  }
}

const LIMITS: ReadonlySet<Condition> = new Set([
  CONDITION.resourceLimitExceeded,
  CONDITION.messageSizeExceeded,
]);

/** Bytes that cannot be read: nothing after them can be trusted either. */
export function decodeError(description: string): AmqpError {
  return new AmqpError('connection', CONDITION.decodeError, description);
}

/** It ends everything. */
export function isOfConnection(error: HoldfastError): boolean {
  return error instanceof AmqpError && error.scope === 'connection';
}

/** It ends the link that it happened on: so does what the broker refuses. */
export function isOfLink(error: unknown): error is HoldfastError {
  if (error instanceof AmqpError) return error.scope === 'link';
  return error instanceof HoldfastError;
}
