/** What a message, and a name, must be to be taken; anything else is refused with CLIENT_FAILED. */
import { HoldfastError } from '../platform/errors.js';
import type { IncomingMessage } from './api.js';

const MAX_NAME_BYTES = 1000;
/** A unit of UTF-16 takes at most so many in UTF-8. */
const MAX_BYTES_PER_UNIT = 3;
const encoder = new TextEncoder();

export function checkMessage(message: IncomingMessage): void {
  const { expiresAtMs, priority, deliverAtMs = 0 } = message;
  if (!Number.isSafeInteger(expiresAtMs) || expiresAtMs < 0) {
    throw new HoldfastError(
      'CLIENT_FAILED',
      `An expiry of ${expiresAtMs} is not possible; give milliseconds since 1970, or 0 for never.`,
    );
  }
  if (!Number.isSafeInteger(deliverAtMs) || deliverAtMs < 0) {
    throw new HoldfastError(
      'CLIENT_FAILED',
      `A delivery at ${deliverAtMs} is not possible; give milliseconds since 1970, or 0 for at once.`,
    );
  }
  if (!Number.isInteger(priority) || priority < 0 || priority > 9) {
    throw new HoldfastError(
      'CLIENT_FAILED',
      `A priority of ${priority} is not possible; give a whole number from 0 to 9.`,
    );
  }
}

export function checkName(what: string, name: string): void {
  if (name.length >= 1 && name.length <= MAX_NAME_BYTES / MAX_BYTES_PER_UNIT) return;
  const bytes = name.length > MAX_NAME_BYTES ? name.length : encoder.encode(name).length;
  if (bytes >= 1 && bytes <= MAX_NAME_BYTES) return;
  throw new HoldfastError(
    'CLIENT_FAILED',
    `The name of a ${what} has ${bytes} bytes; it must have 1 to ${MAX_NAME_BYTES}.`,
  );
}
