/** What the two sides say of themselves in their `open` (OASIS AMQP 1.0, part 2, 2.7.1). */
import type { Config } from '../../config/schema.js';
import type { HostPort } from '../../platform/ports.js';
import { AmqpError, CONDITION, RedirectError } from './amqp-error.js';
import type { Given, Read } from './composite.js';
import type { OPEN } from './performatives.js';
import type { Writable } from './value-writer.js';

/** What JMS clients look for before they use it (OASIS AMQP JMS mapping, 4.2; extensions of its drafts). */
const CONNECTION_CAPABILITY = {
  anonymousRelay: 'ANONYMOUS-RELAY',
  delayedDelivery: 'DELAYED_DELIVERY',
  sharedSubscriptions: 'SHARED-SUBS',
  soleConnection: 'sole-connection-for-container',
} as const;
/** Room for the addresses of some twenty nodes. */
const SMALLEST_FOR_LIST_BYTES = 4_096;
/** A close comes right behind this open (OASIS AMQP 1.0, 2.4.1, as clients of JMS read it). */
export const ESTABLISHMENT_FAILED = { 'amqp:connection-establishment-failed': true } as const;
/** Smallest that a peer may set. */
export const SMALLEST_FRAME_BYTES = 512;

/** What this side opens with. */
export interface OpeningOptions {
  readonly config: Config['amqp'];
  /** As in package.json. */
  readonly version: string;
  readonly nodeName: string;
  /** What the client has connected by, and is to connect to other nodes by. */
  readonly scheme: 'amqp' | 'amqps';
  /** Where clients may go when this node is gone. */
  readonly otherNodes: () => readonly HostPort[];
  /** The live node, where this one is not: the client is told to go there. */
  readonly redirectTo?: HostPort;
}

/** Throws an error of the connection for an open that cannot be accepted, or not by this node. */
export function checkOpen(
  open: Read<typeof OPEN>,
  { redirectTo, scheme }: Pick<OpeningOptions, 'redirectTo' | 'scheme'>,
): void {
  if (open.maxFrameSize < SMALLEST_FRAME_BYTES) {
    throw new AmqpError(
      'connection',
      CONDITION.invalidField,
      `A max-frame-size of ${open.maxFrameSize} is below ${SMALLEST_FRAME_BYTES}, the smallest there is`,
    );
  }
  if (redirectTo !== undefined) throw new RedirectError(redirectTo, scheme);
}

/** The client wants to be the only one of its container id. */
export function wantsToBeAlone(open: Read<typeof OPEN>): boolean {
  return open.desiredCapabilities.includes(CONNECTION_CAPABILITY.soleConnection);
}

/** `peerMaxFrameBytes`: what the client takes, as far as that is known. */
export function ownOpen(
  options: OpeningOptions,
  peerMaxFrameBytes: number,
  more: { readonly [name: string]: boolean } = {},
): Given<typeof OPEN> {
  const { version, nodeName } = options;
  const { maxFrameBytes, maxSessions, idleTimeoutMs } = options.config;
  return {
    containerId: nodeName,
    maxFrameSize: maxFrameBytes,
    channelMax: maxSessions - 1,
    offeredCapabilities: Object.values(CONNECTION_CAPABILITY),
    ...(idleTimeoutMs > 0 ? { idleTimeOut: idleTimeoutMs } : {}),
    properties: {
      product: 'holdfast',
      version,
      ...failoverList(options, peerMaxFrameBytes),
      ...more,
    },
  };
}

/** As JMS clients read it: the nodes to try besides the one that says so. */
function failoverList(
  { config, otherNodes, scheme }: OpeningOptions,
  peerMaxFrameBytes: number,
): { readonly [name: string]: Writable } {
  // An open has to fit the smallest frames of its peer; such a client has no use for a list.
  if (!config.announceNodes || peerMaxFrameBytes < SMALLEST_FOR_LIST_BYTES) return {};
  const nodes = otherNodes().map(({ host, port }) => ({
    hostname: host,
    'network-host': host,
    port,
    scheme,
  }));
  return nodes.length === 0 ? {} : { 'failover-server-list': nodes };
}
