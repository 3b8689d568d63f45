/** Where in the console one is: the part of the address behind the `#`, so that the node serves one page alone. */

import { Observable } from './observable.js';

/** Its parts, decoded: `#/queues/orders%2Feu/17` is `queues`, `orders/eu`, `17`. */
export const route = new Observable<readonly string[]>(partsOf(location.hash));

addEventListener('hashchange', () => route.set(partsOf(location.hash)));

function partsOf(hash: string): readonly string[] {
  return hash.replace(/^#\/?/, '').split('/').filter(Boolean).map(decoded);
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function linkTo(...parts: readonly (string | number)[]): string {
  return `#/${parts.map((part) => encodeURIComponent(String(part))).join('/')}`;
}

export function goTo(...parts: readonly (string | number)[]): void {
  location.hash = linkTo(...parts);
}
