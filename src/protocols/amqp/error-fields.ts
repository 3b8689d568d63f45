/** How an error is told to the peer: OASIS AMQP 1.0, part 2, 2.8.14. */
import type { HoldfastError } from '../../platform/errors.js';
import { AmqpError, CONDITION, RedirectError } from './amqp-error.js';
import type { Given } from './composite.js';
import type { ERROR } from './performatives.js';
import { SymbolText } from './value-writer.js';

/** The `error` that tells a peer of what happened. */
export function errorFields(error: HoldfastError): Given<typeof ERROR> {
  const condition = conditionOf(error);
  const description = error.message;
  if (error instanceof RedirectError) {
    const { host, port } = error.address;
    const info = { hostname: host, 'network-host': host, port, scheme: error.scheme };
    return { condition, description, info };
  }
  if (error.code !== 'CLIENT_ID_IN_USE') return { condition, description };
  // 2.8.14: JMS clients know by it what went wrong.
  const info = { 'invalid-field': new SymbolText('container-id') };
  return { condition, description, info };
}

function conditionOf(error: HoldfastError): string {
  if (error instanceof AmqpError) return error.condition;
  switch (error.code) {
    case 'LIMIT_EXCEEDED':
      return CONDITION.resourceLimitExceeded;
    case 'DESTINATION_GONE':
      return CONDITION.notFound;
    case 'CLIENT_ID_IN_USE':
      return CONDITION.invalidField;
    case 'ACCESS_DENIED':
      return CONDITION.unauthorizedAccess;
    default:
      return CONDITION.preconditionFailed;
  }
}
