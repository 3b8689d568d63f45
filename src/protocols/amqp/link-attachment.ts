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
import { destinationOf, NODE_CAPABILITY, readSource, readTarget, type Source } from './terminus.js';
import { ValueReader } from './value-reader.js';

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
  if (target.dynamic) throw notOffered('A dynamic target');
  if (target.address === null) throw notOffered('A target without an address');
  const { host } = session;
  const destination = destinationOf(target.address, target.capabilities);
  const link = new ReceivingLink(host, attach, destination);
  host.frames.frame(session.channel, ATTACH, {
    name: attach.name,
    handle: attach.handle,
    role: ROLE.receiver,
    sndSettleMode: attach.sndSettleMode,
    rcvSettleMode: RECEIVER_SETTLES.first,
    source: attach.source,
    target: encodedState(TARGET, {
      address: target.address,
      durable: target.durable,
      expiryPolicy: target.expiryPolicy,
      timeout: target.timeout,
      capabilities: [NODE_CAPABILITY[destination.kind]],
    }),
    maxMessageSize: host.config.maxMessageBytes,
  });
  return link;
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
  if (source.dynamic) throw notOffered('A dynamic source');
  if (source.filter !== null && hasEntries(source.filter)) throw notOffered('A filter');
  if (source.address === null) throw notOffered('A source without an address');
  const { host, channel } = session;
  const destination = destinationOf(source.address, source.capabilities);
  // Of a topic everybody gets a copy anyway.
  if (source.distributionMode === 'copy' && destination.kind === 'queue') {
    throw notOffered('A browser (distribution-mode copy)');
  }
  const durableName = isDurable(source, destination) ? attach.name : null;
  if (durableName !== null && `${host.containerId}${durableName}`.includes('\0')) {
    throw new AmqpError(
      'link',
      CONDITION.invalidField,
      'A durable subscription is known by its container-id and link name, which must not contain NUL',
    );
  }
  const link = new SendingLink({
    name: attach.name,
    handle: attach.handle,
    session,
    isSettled: attach.sndSettleMode === SENDER_SETTLES.settled,
    durableName,
    defaultOutcome: readDeliveryState(source.defaultOutcome).outcome,
  });
  place(link);
  const announce = (): void => {
    if (!session.has(link)) return;
    link.isAnnounced = true;
    host.frames.frame(channel, ATTACH, {
      name: attach.name,
      handle: attach.handle,
      role: ROLE.sender,
      sndSettleMode: link.isSettled ? SENDER_SETTLES.settled : SENDER_SETTLES.unsettled,
      rcvSettleMode: attach.rcvSettleMode,
      source: sourceAsAttached(source, destination),
      target: attach.target,
      initialDeliveryCount: 0,
    });
    session.offerCredit(link);
  };
  if (durableName !== null) removeOther(host, durableName, destination);
  link.subscriber = host.broker.subscribe(
    {
      destination,
      acknowledgement: link.isSettled ? ACKNOWLEDGEMENT.auto : ACKNOWLEDGEMENT.individual,
      prefetch: host.config.maxUnsettledPerLink,
      credit: 0,
      durable: durableName === null ? null : { clientId: host.containerId, name: durableName },
      returnsAtRollback: true,
      context: link,
    },
    durableName === null ? null : host.tokenFor(announce),
  );
  if (durableName === null) announce();
}

/** A durable subscription of that name to another topic is replaced, with all that it holds: so JMS changes one. */
function removeOther(host: SessionHost, name: string, destination: Destination): void {
  const { broker, containerId } = host;
  const kept = broker.durableSubscription(containerId, name);
  if (kept === null || kept.name === destination.name) return;
  const nobodyIsTold = host.tokenFor(() => undefined);
  broker.removeDurableSubscription(containerId, name, nobodyIsTold);
}

/** Without a source of its own: the client asks for the durable subscription of this name, to remove it. */
function attachToKept(session: AttachingSession, attach: Attach): SendingLink {
  const { host, channel } = session;
  const { name, handle } = attach;
  const destination = host.broker.durableSubscription(host.containerId, name);
  if (destination === null) {
    throw new AmqpError(
      'link',
      CONDITION.notFound,
      `Client "${host.containerId}" has no durable subscription "${name}"; check both names.`,
    );
  }
  host.frames.frame(channel, ATTACH, {
    name,
    handle,
    role: ROLE.sender,
    source: encodedState(SOURCE, {
      address: destination.name,
      durable: UNSETTLED_STATE,
      expiryPolicy: 'never',
      outcomes: OUTCOMES,
      capabilities: [NODE_CAPABILITY.topic],
    }),
    target: attach.target,
    initialDeliveryCount: 0,
  });
  const link = new SendingLink({ name, handle, session, isSettled: false, durableName: name });
  link.isAnnounced = true;
  return link;
}

/** The refusal that the specification describes: attached to nothing, and detached at once. */
export function refuseAttach(
  session: AttachingSession,
  attach: Attach,
  error: Given<typeof ERROR>,
): void {
  const { frames } = session.host;
  const isSending = attach.role === ROLE.receiver;
  frames.frame(session.channel, ATTACH, {
    name: attach.name,
    handle: attach.handle,
    role: !attach.role,
    source: isSending ? null : attach.source,
    target: isSending ? attach.target : null,
    ...(isSending ? { initialDeliveryCount: 0 } : {}),
  });
  frames.frame(session.channel, DETACH, { handle: attach.handle, closed: true, error });
}

function hasEntries(map: Uint8Array): boolean {
  let count = 0;
  new ValueReader(map).pairs(() => {
    count += 1;
  });
  return count > 0;
}

function isDurable(source: Source, destination: Destination): boolean {
  return destination.kind === 'topic' && (source.durable > 0 || source.expiryPolicy === 'never');
}

function sourceAsAttached(source: Source, destination: Destination): Uint8Array {
  return encodedState(SOURCE, {
    address: source.address,
    durable: source.durable,
    expiryPolicy: source.expiryPolicy,
    timeout: source.timeout,
    distributionMode: source.distributionMode,
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
