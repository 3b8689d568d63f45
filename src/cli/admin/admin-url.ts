/** Where a node's admin listener is asked: `HOST:PORT` without TLS, `https://HOST:PORT` with it. */
import { parseTargetAddress } from '../../config/address.js';

const SECURE = 'https://';

/** Without a slash at its end. */
export function adminUrl(address: string): string {
  return address.startsWith(SECURE) ? address : `http://${address}`;
}

/** Throws CONFIG_INVALID for what is neither; `where` names the option. */
export function checkAdminAddress(text: string, where: string): void {
  parseTargetAddress(text.startsWith(SECURE) ? text.slice(SECURE.length) : text, where);
}

export function secureAdminAddress(address: string): string {
  return `${SECURE}${address}`;
}
