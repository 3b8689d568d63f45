/** The ports on which a node takes clients, one for each protocol that is configured, and the gate behind each. Main thread. */

import type { ClientBroker } from '../broker/api.js';
import {
  formatAddress,
  parseListenAddress,
  parseTargetAddress,
  reachableAddress,
} from '../config/address.js';
import type { Logger } from '../platform/logger.js';
import type { Clock, HostPort, Listener, Network, Socket } from '../platform/ports.js';
import type { Addresses } from '../store/documents.js';
import { ClientGate, type ClientGateOptions } from './client-gate.js';

/** A protocol that clients speak. */
export interface ClientProtocol {
  /** As in the configuration and in the addresses that nodes tell each other: `stomp`. */
  readonly name: string;
  readonly settings: {
    /** Not served without. */
    readonly listen?: string;
    readonly advertise?: string;
    readonly maxConnections: number;
  };
  /** Makes a session of a client; `onClosed` once when it is gone. */
  readonly serve: (broker: ClientBroker, socket: Socket, onClosed: () => void) => void;
  /** Tells a client of a backup where the live node is, and closes; clients are passed through to it without. */
  readonly redirect?: (
    broker: ClientBroker,
    socket: Socket,
    live: HostPort,
    onClosed: () => void,
  ) => void;
  /** Tells a client why it is not served, and closes. */
  readonly refuse: (socket: Socket, reason: string) => void;
}

export interface ClientListenersOptions {
  readonly protocols: readonly ClientProtocol[];
  readonly broker: ClientBroker;
  readonly network: Network;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Whether this node is sure to own the store. */
  readonly isSure: () => boolean;
}

interface Port {
  readonly protocol: ClientProtocol;
  readonly gate: ClientGate;
}

export class ClientListeners {
  readonly #options: ClientListenersOptions;
  readonly #ports: readonly Port[];
  #listeners: Listener[] = [];

  constructor(options: ClientListenersOptions) {
    this.#options = options;
    const { broker, network, clock, logger, isSure } = options;
    const served = options.protocols.filter(({ settings }) => settings.listen !== undefined);
    this.#ports = served.map((protocol) => ({
      protocol,
      gate: new ClientGate({
        network,
        clock,
        logger,
        isSure,
        maxConnections: protocol.settings.maxConnections,
        limitName: `${protocol.name}.maxConnections`,
        serve: (socket, onClosed) => protocol.serve(broker, socket, onClosed),
        refuse: protocol.refuse,
        ...redirecting(protocol, broker),
      }),
    }));
  }

  get connections(): number {
    return this.#ports.reduce((sum, { gate }) => sum + gate.connections, 0);
  }

  connectionsByProtocol(): ReadonlyMap<string, number> {
    return new Map(this.#ports.map(({ protocol, gate }) => [protocol.name, gate.connections]));
  }

  /** Binds them all; `host` stands in addresses for what was bound on every interface. */
  async start(host: string): Promise<Addresses> {
    const { network, logger } = this.#options;
    const addresses: { [protocol: string]: string } = {};
    for (const { protocol, gate } of this.#ports) {
      const { name, settings } = protocol;
      const listen = parseListenAddress(settings.listen ?? '', `${name}.listen`);
      const listener = await network.listen(listen, (socket) => gate.accept(socket));
      this.#listeners.push(listener);
      const bound = formatAddress(listener.address);
      const reachable = formatAddress(reachableAddress(listener.address, host));
      addresses[name] = settings.advertise ?? reachable;
      const sentence = `${name.toUpperCase()} on ${bound}`;
      logger.info('listener-started', { protocol: name, address: bound }, sentence);
    }
    return addresses;
  }

  /** New clients wait from now on. */
  hold(): void {
    for (const { gate } of this.#ports) gate.hold();
  }

  /** Clients are served here from now on. */
  openHere(): void {
    for (const { gate } of this.#ports) gate.openHere();
  }

  /** Clients are passed on to the node with these addresses; where it has none, or nobody is live, they wait. */
  openElsewhere(addresses: Addresses | null): void {
    for (const { protocol, gate } of this.#ports) {
      const address = addresses?.[protocol.name];
      const target = address === undefined ? null : parseTargetAddress(address, 'the `live` file');
      gate.openElsewhere(target);
    }
  }

  /** What clients have sent and not been read of stays with them. */
  pauseAll(): void {
    for (const { gate } of this.#ports) gate.pauseAll();
  }

  /** Closes every served client; `graceful` first sends what is buffered. New ones wait. */
  close(graceful: boolean): void {
    for (const { gate } of this.#ports) gate.close(graceful);
  }

  /** Cuts every client off and frees the ports. */
  destroy(): void {
    for (const { gate } of this.#ports) gate.destroyAll();
    for (const listener of this.#listeners) void listener.close();
    this.#listeners = [];
  }
}

function redirecting(
  { redirect }: ClientProtocol,
  broker: ClientBroker,
): Pick<ClientGateOptions, 'redirect'> {
  if (redirect === undefined) return {};
  return { redirect: (socket, live, onClosed) => redirect(broker, socket, live, onClosed) };
}
