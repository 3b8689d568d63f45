/** Attaching links (OASIS AMQP 1.0, part 2, 2.6.3): what a client asks for, what it is told, and how it is refused. */
import { ACKNOWLEDGEMENT, type Destination } from '../../broker/api.js';
import { AmqpError, CONDITION } from './amqp-error.js';
import type { Given, Read } from './composite.js';
import { CoordinatorLink } from './coordinator-link.js';
import { readDeliveryState } from './delivery-state.js';
import { encodedState } from './encoded-state.js';
import {
  ATTACH,
  COORDINATOR,
  DETACH,
  type ERROR,
  RECEIVER_SETTLES,
  ROLE,
  SENDER_SETTLES,
  SOURCE,
  TARGET,
} from './performatives.js';
import { ReceivingLink } from './receiving-link.js';
import { type DeliveringSession, SendingLink } from './sending-link.js';
import type { SessionHost } from './session-host.js';
import { readFilter } from './source-filter.js';
import { keptSubscription, subscriptionOf } from './subscription-names.js';
import { NODE_CAPABILITY, readSource, readTarget, type Source, type Target } from './terminus.js';

type Attach = Read<typeof ATTACH>;

/** The session that a link is attached to. */
export interface AttachingSession extends DeliveringSession {
  readonly host: SessionHost;
  readonly channel: number;
  has(link: SendingLink): boolean;
  /** Lets the broker deliver what the client has credit for. */
  offerCredit(link: SendingLink): void;
  /** Tells the client what became of its delivery, for good. */
  settleIncoming(deliveryId: number, state: Uint8Array): void;
}

/** Outcomes that this broker understands: all of part 3, 3.4. */
const OUTCOMES = [
  'amqp:accepted:list',
  'amqp:rejected:list',
  'amqp:released:list',
  'amqp:modified:list',
];

/** `terminus-durability`, 3.5.5. */
const UNSETTLED_STATE = 2;
/** 4.5.4: local, several at a time in one session. */
const TRANSACTION_CAPABILITIES = [
  'amqp:local-transactions',
  'amqp:multi-txns-per-ssn',
  'amqp:multi-ssns-per-txn',
];

/** The client sends on this link, or declares transactions. Throws an error of the link when it cannot. */
export function attachReceiving(
  session: AttachingSession,
  attach: Attach,
): ReceivingLink | CoordinatorLink {
  const target = readTarget(attach.target);
  if (target === null) throw notOffered('A link without a target');
  if (target === 'coordinator') return attachCoordinator(session, attach);
  const { host } = session;
  const destination = target.dynamic ? makeTemporary(host, target) : targetOf(host, target);
  if (destination !== null) host.broker.requireSend(destination);
  const link = new ReceivingLink(host, attach, destination, target.dynamic);
  host.frames.frame(session.channel, ATTACH, {
    name: attach.name,
    handle: attach.handle,
    role: ROLE.receiver,
    sndSettleMode: attach.sndSettleMode,
    rcvSettleMode: RECEIVER_SETTLES.first,
    source: attach.source,
    target: encodedState(TARGET, {
      address: target.dynamic ? (destination?.name ?? null) : target.address,
      durable: target.durable,
      expiryPolicy: target.expiryPolicy,
      timeout: target.timeout,
      dynamic: target.dynamic,
      dynamicNodeProperties: target.dynamicNodeProperties,
      capabilities: destination === null ? [] : [NODE_CAPABILITY[destination.kind]],
    }),
    maxMessageSize: host.config.maxMessageBytes,
  });
  return link;
}

/** Null: each message says where it goes. */
function targetOf(
  { addresses }: SessionHost,
  { address, capabilities }: Target,
): Destination | null {
  return address === null ? null : addresses.destinationOf(address, capabilities);
}

function makeTemporary(
  host: SessionHost,
  { capabilities }: { readonly capabilities: readonly string[] },
): Destination {
  const destination = host.newTemporary(capabilities);
  host.broker.createTemporary(destination);
  return destination;
}

function attachCoordinator(session: AttachingSession, attach: Attach): CoordinatorLink {
  const { host, channel } = session;
  host.frames.frame(channel, ATTACH, {
    name: attach.name,
    handle: attach.handle,
    role: ROLE.receiver,
    sndSettleMode: attach.sndSettleMode,
    rcvSettleMode: RECEIVER_SETTLES.first,
    source: attach.source,
    target: encodedState(COORDINATOR, { capabilities: TRANSACTION_CAPABILITIES }),
  });
  return new CoordinatorLink(host, attach, (deliveryId, state) =>
    session.settleIncoming(deliveryId, state),
  );
}

/** The client receives on this link; `place` puts it where frames find it. Throws as `attachReceiving` does. */
export function attachSending(
  session: AttachingSession,
  attach: Attach,
  place: (link: SendingLink) => void,
): void {
  const source = readSource(attach.source);
  if (source === null) {
    place(attachToKept(session, attach));
    return;
  }
  const { host } = session;
  const destination = source.dynamic ? makeTemporary(host, source) : sourceOf(host, source);
  try {
    attachToSource(session, attach, { source, destination, place });
  } catch (error) {
    if (source.dynamic) host.broker.removeTemporary(destination);
    throw error;
  }
}

function attachToSource(
  session: AttachingSession,
  attach: Attach,
  {
    source,
    destination,
    place,
  }: {
    readonly source: Source;
    readonly destination: Destination;
    readonly place: (link: SendingLink) => void;
  },
): void {
  const { host } = session;
  const filter = readFilter(source.filter);
  // Of a topic everybody gets a copy anyway.
  const browses = source.distributionMode === 'copy' && destination.kind === 'queue';
  const subscription = subscriptionOf(host, attach, source, destination);
  const link = new SendingLink({
    name: attach.name,
    handle: attach.handle,
    session,
    // A copy has nothing to be settled.
    isSettled: browses || attach.sndSettleMode === SENDER_SETTLES.settled,
    destination,
    isTemporary: source.dynamic,
    removes: subscription.removes,
    defaultOutcome: readDeliveryState(source.defaultOutcome).outcome,
  });
  place(link);
  const { durable } = subscription;
  const announce = (): void =>
    tellAttached(session, attach, link, attachedSource(source, destination));
  link.subscriber = host.broker.subscribe(
    {
      ...filter,
      ...subscription.options,
      destination,
      acknowledgement: link.isSettled ? ACKNOWLEDGEMENT.auto : ACKNOWLEDGEMENT.individual,
      prefetch: host.config.maxUnsettledPerLink,
      credit: 0,
      durable,
      browses,
      returnsAtRollback: true,
      context: link,
    },
    durable === null ? null : host.tokenFor(announce),
  );
  if (durable === null) announce();
}

function sourceOf({ addresses }: SessionHost, { address, capabilities }: Source): Destination {
  if (address === null) throw notOffered('A source without an address');
  return addresses.destinationOf(address, capabilities, true);
}

function tellAttached(
  session: AttachingSession,
  attach: Attach,
  link: SendingLink,
  source: Uint8Array,
): void {
  if (!session.has(link)) return;
  link.isAnnounced = true;
  session.host.frames.frame(session.channel, ATTACH, {
    name: attach.name,
    handle: attach.handle,
    role: ROLE.sender,
    sndSettleMode: link.isSettled ? SENDER_SETTLES.settled : SENDER_SETTLES.unsettled,
    rcvSettleMode: attach.rcvSettleMode,
    source,
    target: attach.target,
    initialDeliveryCount: 0,
  });
  session.offerCredit(link);
}

/** Without a source of its own: the client asks for the durable subscription of this name, to remove it. */
function attachToKept(session: AttachingSession, attach: Attach): SendingLink {
  const { host } = session;
  const { name, handle } = attach;
  const kept = keptSubscription(host, attach);
  if (kept === null) {
    throw new AmqpError(
      'link',
      CONDITION.notFound,
      `Client "${host.containerId}" has no durable subscription "${name}"; check both names.`,
    );
  }
  const link = new SendingLink({
    name,
    handle,
    session,
    isSettled: false,
    destination: null,
    removes: kept.name,
  });
  link.isAnnounced = true;
  host.frames.frame(session.channel, ATTACH, {
    name,
    handle,
    role: ROLE.sender,
    source: encodedState(SOURCE, {
      address: kept.destination.name,
      durable: UNSETTLED_STATE,
      expiryPolicy: 'never',
      outcomes: OUTCOMES,
      capabilities: [NODE_CAPABILITY.topic],
    }),
    target: attach.target,
    initialDeliveryCount: 0,
  });
  return link;
}

/** The refusal that the specification describes: attached to nothing, and detached at once. */
export function refuseAttach(
  session: AttachingSession,
  attach: Attach,
  error: Given<typeof ERROR>,
): void {
  const { host, channel } = session;
  tellUnattached(host, channel, attach);
  const { handle } = attach;
  host.frames.frame(channel, DETACH, { handle, closed: true, error });
}

/** The client hears that its link is attached to nothing; it is detached next. */
export function tellUnattached(
  host: SessionHost,
  channel: number,
  {
    name,
    handle,
    role,
    source,
    target,
  }: Pick<Attach, 'name' | 'handle' | 'role' | 'source' | 'target'>,
): void {
  const isSending = role === ROLE.receiver;
  host.frames.frame(channel, ATTACH, {
    name,
    handle,
    role: !role,
    source: isSending ? null : source,
    target: isSending ? target : null,
    ...(isSending ? { initialDeliveryCount: 0 } : {}),
  });
}

function attachedSource(source: Source, destination: Destination): Uint8Array {
  return encodedState(SOURCE, {
    address: source.dynamic ? destination.name : source.address,
    durable: source.durable,
    expiryPolicy: source.expiryPolicy,
    timeout: source.timeout,
    dynamic: source.dynamic,
    dynamicNodeProperties: source.dynamicNodeProperties,
    distributionMode: source.distributionMode,
    filter: source.filter,
    defaultOutcome: source.defaultOutcome,
    outcomes: OUTCOMES,
    capabilities: [NODE_CAPABILITY[destination.kind]],
  });
}

function notOffered(what: string): AmqpError {
  return new AmqpError(
    'link',
    CONDITION.notImplemented,
    `${what} is not offered by this broker yet`,
  );
}
