/**
 * Which subscription of a topic a link is on. A durable one is known by container id and link name; a
 * shared one by what stands before the first `|` of the link name, so that one client may have several
 * links to it, and by the container id unless the source has the capability `global` (OASIS AMQP JMS
 * mapping, 4.4, as JMS clients implement it).
 */
import type { Destination, SubscribeOptions } from '../../broker/api.js';
import { AmqpError, CONDITION } from './amqp-error.js';
import type { Read } from './composite.js';
import type { ATTACH } from './performatives.js';
import type { SubscriptionName } from './sending-link.js';
import type { SessionHost } from './session-host.js';
import type { Source } from './terminus.js';

const CAPABILITY = { shared: 'shared', global: 'global' } as const;
const DELIMITER = '|';
/** Of a subscription that is everybody's. */
const NO_CLIENT = '';

export interface TopicSubscription {
  readonly durable: SubscribeOptions['durable'];
  /** Present for a shared one in memory. */
  readonly options: Pick<SubscribeOptions, 'shared'>;
  /** What goes when the link is closed: a shared subscription stays for its other subscribers. */
  readonly removes: SubscriptionName | null;
}

const NOTHING_KEPT: TopicSubscription = { durable: null, options: {}, removes: null };

export function subscriptionOf(
  { containerId }: SessionHost,
  attach: Read<typeof ATTACH>,
  source: Source,
  destination: Destination,
): TopicSubscription {
  if (destination.kind === 'queue') return NOTHING_KEPT;
  const isDurable = source.durable > 0 || source.expiryPolicy === 'never';
  const isShared = source.capabilities.includes(CAPABILITY.shared);
  if (!isDurable && !isShared) return NOTHING_KEPT;
  const isGlobal = isShared && source.capabilities.includes(CAPABILITY.global);
  const subscription = {
    clientId: isGlobal ? NO_CLIENT : containerId,
    name: isShared ? sharedName(attach.name) : attach.name,
  };
  if (`${subscription.clientId}${subscription.name}`.includes('\0')) {
    throw new AmqpError(
      'link',
      CONDITION.invalidField,
      'A subscription is known by its container-id and link name, which must not contain NUL',
    );
  }
  if (!isDurable) return { durable: null, options: { shared: subscription }, removes: null };
  return {
    durable: { ...subscription, isShared, replaces: true },
    options: {},
    removes: isShared ? null : subscription,
  };
}

/** The durable subscription that a link without a source means. */
export function keptSubscription(
  { broker, containerId }: SessionHost,
  attach: Read<typeof ATTACH>,
): { readonly destination: Destination; readonly name: SubscriptionName } | null {
  const shared = sharedName(attach.name);
  const candidates: readonly SubscriptionName[] = [
    { clientId: containerId, name: attach.name },
    { clientId: containerId, name: shared },
    // Without a client id of its own a JMS client means one that is everybody's, and says so in the name.
    ...(shared === attach.name ? [] : [{ clientId: NO_CLIENT, name: shared }]),
  ];
  for (const name of candidates) {
    const destination = broker.durableSubscription(name.clientId, name.name);
    if (destination !== null) return { destination, name };
  }
  return null;
}

function sharedName(linkName: string): string {
  const end = linkName.indexOf(DELIMITER);
  return end === -1 ? linkName : linkName.slice(0, end);
}
