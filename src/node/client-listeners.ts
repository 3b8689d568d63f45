/** The ports on which a node takes clients, one for each protocol that is configured, and the gate behind each. Main thread. */

import type { ClientBroker } from '../broker/api.js';
import {
  formatAddress,
  parseListenAddress,
  parseTargetAddress,
  reachableAddress,
} from '../config/address.js';
import type { Logger } from '../platform/logger.js';
import type { Clock, HostPort, Listener, Network, Socket, TlsEndpoint } from '../platform/ports.js';
import type { Addresses, Reach } from '../store/documents.js';
import { ClientGate, type ClientGateOptions, type HoldsOff } from './client-gate.js';
import type { OriginCryptography } from './client-origin.js';

/** A protocol that clients speak. */
export interface ClientProtocol {
  /** As in the configuration and in the addresses that nodes tell each other: `stomp`. */
  readonly name: string;
  /** What clients call it over TLS, as in the addresses that nodes tell each other: `stomp+ssl`. */
  readonly tlsName: string;
  readonly settings: {
    /** Not served without. */
    readonly listen?: string;
    readonly advertise?: string;
    /** The same over TLS. */
    readonly tlsListen?: string;
    readonly tlsAdvertise?: string;
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
  readonly cryptography: OriginCryptography;
  /** As of ClientGate. */
  readonly originKey: string;
  /** Whether this node is sure to own the store. */
  readonly isSure: () => boolean;
  /** As of ClientGate. */
  readonly holdsOff?: HoldsOff | undefined;
  /** Of the protocols that are served over TLS. */
  readonly tls: ReadonlyMap<string, TlsEndpoint>;
}

interface Port {
  readonly protocol: ClientProtocol;
  /** That of the protocol, or its name over TLS. */
  readonly name: string;
  readonly listen: HostPort;
  readonly advertise: string | undefined;
  readonly gate: ClientGate;
}

export class ClientListeners {
  readonly #options: ClientListenersOptions;
  readonly #ports: readonly Port[];
  #listeners: Listener[] = [];

  constructor(options: ClientListenersOptions) {
    this.#options = options;
    this.#ports = options.protocols.flatMap((protocol) => this.#portsOf(protocol));
  }

  get connections(): number {
    return this.#ports.reduce((sum, { gate }) => sum + gate.connections, 0);
  }

  connectionsByProtocol(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const { protocol, gate } of this.#ports) {
      counts.set(protocol.name, (counts.get(protocol.name) ?? 0) + gate.connections);
    }
    return counts;
  }

  /** Binds them all; `host` stands in addresses for what was bound on every interface. */
  async start(host: string): Promise<Addresses> {
    const { network, logger } = this.#options;
    const addresses: { [protocol: string]: string } = {};
    for (const { protocol, name, listen, advertise, gate } of this.#ports) {
      const listener = await network.listen(listen, (socket) => gate.accept(socket));
      this.#listeners.push(listener);
      const bound = formatAddress(listener.address);
      const reachable = formatAddress(reachableAddress(listener.address, host));
      addresses[name] = advertise ?? reachable;
      const how = name === protocol.name ? '' : ' over TLS';
      const sentence = `${protocol.name.toUpperCase()}${how} on ${bound}`;
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

  /** Clients are passed on to this node; where it has no address for them, or nobody is live, they wait. */
  openElsewhere(live: Reach | null): void {
    for (const { name, gate } of this.#ports) {
      const text = live?.addresses[name];
      if (live === null || text === undefined) {
        gate.openElsewhere(null);
        continue;
      }
      const address = parseTargetAddress(text, 'the `live` file');
      gate.openElsewhere({ address, originKey: live.originKey });
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

  #portsOf(protocol: ClientProtocol): readonly Port[] {
    const { name, tlsName, settings } = protocol;
    const { listen, advertise, tlsListen, tlsAdvertise } = settings;
    const ports: Port[] = [];
    if (listen !== undefined) {
      const address = parseListenAddress(listen, `${name}.listen`);
      ports.push({ protocol, name, listen: address, advertise, gate: this.#gateOf(protocol) });
    }
    const tls = this.#options.tls.get(name);
    if (tlsListen !== undefined && tls !== undefined) {
      const address = parseListenAddress(tlsListen, `${name}.tlsListen`);
      const gate = this.#gateOf(protocol, tls);
      ports.push({ protocol, name: tlsName, listen: address, advertise: tlsAdvertise, gate });
    }
    return ports;
  }

  #gateOf(protocol: ClientProtocol, tls?: TlsEndpoint): ClientGate {
    const { broker, network, clock, logger, cryptography, originKey, isSure, holdsOff } =
      this.#options;
    return new ClientGate({
      ...{ network, clock, logger, cryptography, originKey, isSure, holdsOff },
      limitReached: () => this.#limitReached(protocol),
      serve: (socket, onClosed) => protocol.serve(broker, socket, onClosed),
      refuse: protocol.refuse,
      ...(tls === undefined ? {} : { tls }),
      ...redirecting(protocol, broker),
    });
  }

  #limitReached({ name, settings }: ClientProtocol): string | null {
    const { maxConnections } = settings;
    if ((this.connectionsByProtocol().get(name) ?? 0) < maxConnections) return null;
    return `this node has its ${maxConnections} connections (${name}.maxConnections)`;
  }
}

function redirecting(
  { redirect }: ClientProtocol,
  broker: ClientBroker,
): Pick<ClientGateOptions, 'redirect'> {
  if (redirect === undefined) return {};
  return { redirect: (socket, live, onClosed) => redirect(broker, socket, live, onClosed) };
}
