/** Where a node's admin listener is asked: `HOST:PORT` without TLS, `https://HOST:PORT` with it. */
import { parseTargetAddress } from '../../config/address.js';
import { HoldfastError } from '../../platform/errors.js';

const SECURE = 'https://';

/** Without a slash at its end. */
export function adminUrl(address: string): string {
  return address.startsWith(SECURE) ? address : `http://${address}`;
}

/**
 * Of what a person gave, which may be the URL of the console as well. Throws CONFIG_INVALID for anything else;
 * `where` names the option.
 */
export function parseAdminAddress(text: string, where: string): string {
  const address = text.replace(/^https?:\/\//, '').replace(/\/$/, '');
  try {
    parseTargetAddress(address, where);
  } catch (error) {
    const sentence = `${where} must be HOST:PORT of an admin listener, such as broker-1:8161, or https://HOST:PORT, but is "${text}".`;
    throw new HoldfastError('CONFIG_INVALID', sentence, { cause: error });
  }
  return text.startsWith(SECURE) ? secureAdminAddress(address) : address;
}

export function secureAdminAddress(address: string): string {
  return `${SECURE}${address}`;
}
