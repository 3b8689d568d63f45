/**
 * Where the page goes when its node answers no more. It asks the others whether they answer, without reading what
 * they say, and lets the browser load the console from the first that does, at the same place. So no node has to
 * trust the pages of another one, and a login stays with the node that it was made at.
 */

import type { NodeReport } from '../node/node-report.js';

const ANSWER_LIMIT_MS = 2_000;
const CAME_FROM = 'from';

type Addresses = NodeReport['addresses'];

/** Of a node's console, for a page that was loaded as this one was; undefined where it has none. */
export function consoleAddress(addresses: Addresses): string | undefined {
  return location.protocol === 'https:' ? addresses.https : addresses.admin;
}

export function otherAddresses({ node, peers, live }: NodeReport): readonly string[] {
  const ofLive = live === null || live.node === node ? [] : [live.addresses];
  const found = [...ofLive, ...peers.map(({ addresses }) => addresses)].map(consoleAddress);
  return [...new Set(found)].filter(
    (address): address is string => address !== undefined && address !== location.host,
  );
}

export async function findAnotherNode(own: NodeReport): Promise<void> {
  const addresses = otherAddresses(own);
  const asked = addresses.map(async (address) => {
    const origin = `${location.protocol}//${address}`;
    await fetch(`${origin}/health/live`, {
      mode: 'no-cors',
      cache: 'no-store',
      credentials: 'omit',
      signal: AbortSignal.timeout(ANSWER_LIMIT_MS),
    });
    return origin;
  });
  const origin = await Promise.any(asked).catch(() => null);
  if (origin === null) return;
  location.replace(
    `${origin}/console/?${CAME_FROM}=${encodeURIComponent(own.node)}${location.hash}`,
  );
}

/** The node that answered no more, told once; null when this page was opened by somebody. */
export function takeCameFrom(): string | null {
  const node = new URLSearchParams(location.search).get(CAME_FROM);
  if (node !== null) window.history.replaceState(null, '', `${location.pathname}${location.hash}`);
  return node;
}
