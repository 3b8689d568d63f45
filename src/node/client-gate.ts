/**
 * Where every accepted client goes: to the broker when this node is live, through to the live node
 * when another one is, and otherwise it waits a while until somebody is surely live. Of what it sends only its
 * beginning is looked at before: another node may tell there whose client it is. TLS is ended where the client is
 * served; who passes it through does not look into it. Main thread.
 */

import { hostOf } from '../config/address.js';
import { messageOf } from '../platform/errors.js';
import type { Logger } from '../platform/logger.js';
import type { Clock, HostPort, Network, Socket, TlsEndpoint } from '../platform/ports.js';
import { learnOrigin, type OriginCryptography, originLine } from './client-origin.js';
import { passThrough } from './pass-through.js';

const WAIT_LIMIT_MS = 30_000;
const RETRY_MS = 100;
const CONNECT_TIMEOUT_MS = 3_000;

/** True for a client that is not to be served. It is taken care of, and then closed, or `afterwards` goes on with it. */
export type HoldsOff = (socket: Socket, afterwards?: () => void) => boolean;

export interface ClientGateOptions {
  readonly network: Network;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly cryptography: OriginCryptography;
  /** By which this node knows other nodes that pass clients through to it, hexadecimal. */
  readonly originKey: string;
  /** Why one more client cannot be taken; null when it can. */
  readonly limitReached: () => string | null;
  readonly holdsOff?: HoldsOff | undefined;
  /** Clients of this gate begin with TLS. */
  readonly tls?: TlsEndpoint;
  /** Whether this node is sure to own the store. While it is not, a new client waits, or gives up and tries another node. */
  readonly isSure: () => boolean;
  /** Serves a client here; calls `onClosed` once when it is gone. */
  readonly serve: (socket: Socket, onClosed: () => void) => void;
  /** Tells a client where the live node is, and closes; left out, clients are passed through to it. */
  readonly redirect?: (socket: Socket, live: HostPort, onClosed: () => void) => void;
  /** Tells a client why it is not served, and closes. */
  readonly refuse: (socket: Socket, reason: string) => void;
}

/** The live node, when it is another one. */
export interface Elsewhere {
  readonly address: HostPort;
  /** Its `originKey`; undefined when it knows nothing of that. */
  readonly originKey?: string | undefined;
}

type Destination =
  | { readonly kind: 'here' }
  | ({ readonly kind: 'elsewhere' } & Elsewhere)
  | { readonly kind: 'nowhere' };

export class ClientGate {
  readonly #options: ClientGateOptions;
  readonly #sockets = new Set<Socket>();
  readonly #waiting = new Set<Socket>();
  /** It is not known yet whose they are. */
  readonly #arriving = new Set<Socket>();
  /** Hosts of other nodes that have passed clients through to this one. */
  readonly #passers = new Set<string>();
  /** A connection to the live node is being made for them. */
  readonly #connecting = new Set<Socket>();
  /** Until when a client that was not served yet may wait. */
  readonly #deadlines = new Map<Socket, number>();
  #destination: Destination = { kind: 'nowhere' };
  #isRetrying = false;
  /** Clients are passed through to a node that is not the destination any more. */
  #hasFormer = false;

  constructor(options: ClientGateOptions) {
    this.#options = options;
  }

  get connections(): number {
    return this.#sockets.size;
  }

  accept(socket: Socket): void {
    // Nothing of it is read for that, unless a backup may stand before others there.
    const isPasser = this.#passers.has(hostOf(socket.remoteAddress));
    if (!isPasser && this.#holdsOff(socket, () => void this.#lookAtHeld(socket))) return;
    this.#admit(socket);
  }

  /** A backup whose host floods this node, and that has not passed a client through to it before. */
  async #lookAtHeld(socket: Socket): Promise<void> {
    if (await this.#learnOrigin(socket, 0)) this.#admit(socket);
    else socket.destroy();
  }

  #admit(socket: Socket): void {
    const reason = this.#options.limitReached();
    if (reason === null) {
      this.#sockets.add(socket);
      void this.#welcome(socket);
    } else if (this.#options.tls === undefined) {
      this.#refuse(socket, reason);
    } else {
      // A handshake begins after the line.
      void this.#learnOrigin(socket).then(() => this.#refuse(socket, reason));
    }
  }

  /** New clients wait from now on. The node that others are passed through to may still have a word for them. */
  hold(): void {
    this.#hasFormer ||= this.#destination.kind === 'elsewhere';
    this.#destination = { kind: 'nowhere' };
  }

  /** Clients are served here from now on. */
  openHere(): void {
    this.hold();
    this.#cutOffFormer();
    this.#destination = { kind: 'here' };
    this.#routeWaiting();
  }

  /** Clients are passed on to the live node, or wait when it is null. Those of another destination are cut off. */
  openElsewhere(live: Elsewhere | null): void {
    const before = this.#destination;
    const isSame =
      before.kind === 'elsewhere' &&
      before.originKey === live?.originKey &&
      before.address.host === live?.address.host &&
      before.address.port === live.address.port;
    if (isSame) return;
    this.hold();
    this.#cutOffFormer();
    if (live !== null) this.#destination = { kind: 'elsewhere', ...live };
    this.#routeWaiting();
  }

  /** Closes every served client; `graceful` first sends what is buffered. New ones wait. */
  close(graceful: boolean): void {
    this.#destination = { kind: 'nowhere' };
    this.#destroyServed(graceful);
  }

  /** What clients have sent and not been read of stays with them. */
  pauseAll(): void {
    for (const socket of this.#sockets) {
      if (!this.#waiting.has(socket) && !this.#arriving.has(socket)) socket.pauseReading();
    }
  }

  destroyAll(): void {
    this.#waiting.clear();
    this.#arriving.clear();
    for (const socket of this.#sockets) socket.destroy();
  }

  async #welcome(socket: Socket): Promise<void> {
    this.#arriving.add(socket);
    await this.#learnOrigin(socket);
    if (!this.#arriving.delete(socket)) return;
    if (this.#holdsOff(socket)) this.#forget(socket);
    else this.#route(socket);
  }

  /** Whether it is of a client that another node passes through. */
  async #learnOrigin(socket: Socket, limitMs?: number): Promise<boolean> {
    const { originKey, cryptography, logger } = this.#options;
    const { remoteAddress } = socket;
    const found = await learnOrigin(socket, originKey, cryptography, limitMs);
    if (found === 'wrong') {
      const sentence =
        'A line that tells of a client was made without the key of this run: it counts as its sender';
      logger.debug('origin-refused', { remoteAddress }, sentence);
    }
    if (found !== 'told') return false;
    this.#passers.add(hostOf(remoteAddress));
    return true;
  }

  #holdsOff(socket: Socket, afterwards?: () => void): boolean {
    return this.#options.holdsOff?.(socket, afterwards) ?? false;
  }

  #route(socket: Socket): void {
    const destination = this.#destination;
    this.#waiting.delete(socket);
    switch (destination.kind) {
      case 'here':
        if (this.#options.isSure()) this.#serve(socket);
        else this.#wait(socket);
        return;
      case 'elsewhere':
        this.#sendElsewhere(socket, destination);
        return;
      case 'nowhere':
        this.#wait(socket);
    }
  }

  #serve(socket: Socket): void {
    this.#deadlines.delete(socket);
    this.#secured(socket, (secured) => {
      this.#options.serve(secured, () => this.#forget(secured));
    });
  }

  /** Goes on with the client once its handshake is done, unless it was to be served by another node meanwhile. */
  #secured(socket: Socket, goOn: (secured: Socket) => void): void {
    const { tls } = this.#options;
    if (tls === undefined) {
      goOn(socket);
      return;
    }
    const before = this.#destination;
    tls.secure(socket).then(
      (secured) => {
        this.#forget(socket);
        if (this.#destination !== before) {
          secured.destroy();
          return;
        }
        this.#sockets.add(secured);
        goOn(secured);
      },
      () => this.#forget(socket),
    );
  }

  #refuse(socket: Socket, reason: string): void {
    const { tls, refuse } = this.#options;
    if (tls === undefined) {
      refuse(socket, reason);
      return;
    }
    tls.secure(socket).then(
      (secured) => refuse(secured, reason),
      () => undefined,
    );
  }

  #sendElsewhere(socket: Socket, live: Elsewhere): void {
    const { redirect } = this.#options;
    if (redirect === undefined) {
      void this.#passOn(socket, live);
      return;
    }
    this.#deadlines.delete(socket);
    this.#secured(socket, (secured) =>
      redirect(secured, live.address, () => this.#forget(secured)),
    );
  }

  async #passOn(socket: Socket, { address, originKey }: Elsewhere): Promise<void> {
    const { network, clock, cryptography } = this.#options;
    const before = this.#destination;
    this.#connecting.add(socket);
    try {
      const upstream = await network.connect(address, CONNECT_TIMEOUT_MS);
      this.#connecting.delete(socket);
      if (this.#destination !== before) {
        upstream.destroy();
        this.#route(socket);
        return;
      }
      this.#deadlines.delete(socket);
      if (originKey !== undefined) {
        upstream.write(originLine(socket.remoteAddress, originKey, cryptography));
      }
      passThrough(clock, socket, upstream, () => this.#forget(socket));
    } catch (error) {
      this.#connecting.delete(socket);
      this.#options.logger.debug(
        'pass-through-failed',
        { live: address, error: messageOf(error) },
        'The live node could not be reached for a client; it waits',
      );
      this.#wait(socket);
    }
  }

  #wait(socket: Socket): void {
    this.#waiting.add(socket);
    if (!this.#deadlines.has(socket)) {
      this.#deadlines.set(socket, this.#options.clock.monotonicMs() + WAIT_LIMIT_MS);
    }
    this.#retryLater();
  }

  #forget(socket: Socket): void {
    this.#sockets.delete(socket);
    this.#waiting.delete(socket);
    this.#deadlines.delete(socket);
  }

  #retryLater(): void {
    if (this.#isRetrying) return;
    this.#isRetrying = true;
    this.#options.clock.after(RETRY_MS, () => {
      this.#isRetrying = false;
      this.#routeWaiting();
    });
  }

  #routeWaiting(): void {
    const now = this.#options.clock.monotonicMs();
    for (const socket of [...this.#waiting]) {
      if (now > (this.#deadlines.get(socket) ?? 0)) {
        this.#forget(socket);
        this.#refuse(socket, 'no node of this store can serve now; try again later');
      } else {
        this.#route(socket);
      }
    }
  }

  /** The node that they are passed through to may hang, and never close them. */
  #cutOffFormer(): void {
    if (this.#hasFormer) this.#destroyServed();
    this.#hasFormer = false;
  }

  #destroyServed(graceful = false): void {
    for (const socket of this.#sockets) {
      if (this.#waiting.has(socket) || this.#connecting.has(socket)) continue;
      if (this.#arriving.has(socket)) continue;
      if (graceful) endAndDiscard(this.#options.clock, socket);
      else socket.destroy();
    }
  }
}

/** For the last bytes to go out before a client that does not close is cut off. */
const LINGER_MS = 5_000;

/** Sends what is buffered, and reads on so that the client's own close is seen. */
export function endAndDiscard(clock: Clock, socket: Socket): void {
  socket.resumeReading();
  socket.end();
  clock.after(LINGER_MS, () => socket.destroy());
}
