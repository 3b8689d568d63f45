/**
 * The Network port over `node:net`. Small segments are never held back (`setNoDelay`): without it
 * a confirmation waits up to 40 ms for the other side's delayed TCP acknowledgement.
 */
import net from 'node:net';
import tls from 'node:tls';
import { errnoOf, HoldfastError, messageOf } from '../errors.js';
import type { HostPort, Listener, Network, Socket, SocketEvents, TlsFacts } from '../ports.js';
import { connectSentence } from './connect-failure.js';

/** Where `onDrain` begins to matter, and what one read from the kernel may bring. */
const HIGH_WATER_MARK_BYTES = 64 * 1024;
const BACKLOG_CONNECTIONS = 1024;

const NO_BYTES = Buffer.alloc(0);

const STREAM_OPTIONS = { noDelay: true, highWaterMark: HIGH_WATER_MARK_BYTES } as const;

export class NodeNetwork implements Network {
  private readonly onAcceptFailed: (error: Error) => void;

  /** `onAcceptFailed`: one connection could not be taken (out of descriptors, ...); the listener goes on. */
  constructor(onAcceptFailed: (error: Error) => void) {
    this.onAcceptFailed = onAcceptFailed;
  }

  listen(address: HostPort, onConnection: (socket: NodeSocket) => void): Promise<Listener> {
    return new Promise((resolve, reject) => {
      const server = net.createServer(STREAM_OPTIONS, (socket) =>
        onConnection(new NodeSocket(socket)),
      );
      const onListenFailed = (error: Error) => reject(listenFailure(address, error));
      server.once('error', onListenFailed);
      server.listen(
        { host: address.host, port: address.port, backlog: BACKLOG_CONNECTIONS },
        () => {
          server.off('error', onListenFailed);
          server.on('error', this.onAcceptFailed);
          resolve(new NodeListener(server, address));
        },
      );
    });
  }

  connect(address: HostPort, timeoutMs: number): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const socket = this.dial({ ...STREAM_OPTIONS, host: address.host, port: address.port });
      const timer = setTimeout(
        () => socket.destroy(new Error(`no answer within ${timeoutMs} ms`)),
        timeoutMs,
      );
      const onFailed = (error: Error) => {
        clearTimeout(timer);
        reject(connectFailure(address, error));
      };
      socket.once('error', onFailed);
      socket.once(this.readyEvent, () => {
        clearTimeout(timer);
        socket.off('error', onFailed);
        resolve(new NodeSocket(socket));
      });
    });
  }

  protected readonly readyEvent: 'connect' | 'secureConnect' = 'connect';

  protected dial(options: net.TcpNetConnectOpts): net.Socket {
    return net.connect(options);
  }
}

/** What a client trusts and shows. */
export interface TlsClientOptions {
  /** PEM; left out, those that Node knows. */
  readonly authority?: string;
  readonly certificate?: string;
  readonly key?: string;
}

/** Connects over TLS. The other side has to have a certificate for the host that was asked for. */
export class TlsNetwork extends NodeNetwork {
  protected override readonly readyEvent = 'secureConnect';
  private readonly secureContext: tls.SecureContext;

  /** Throws CONFIG_INVALID for what is no PEM, or a key of another certificate. */
  constructor(
    { authority, certificate, key }: TlsClientOptions,
    onAcceptFailed: (error: Error) => void,
  ) {
    super(onAcceptFailed);
    try {
      this.secureContext = tls.createSecureContext({ ca: authority, cert: certificate, key });
    } catch (error) {
      // Nothing of OpenSSL's words is part of a key.
      const sentence = `The certificate and the key to show, or the authorities to trust, are of no use: ${messageOf(error)}.`;
      throw new HoldfastError('CONFIG_INVALID', sentence, { cause: error });
    }
  }

  protected override dial(options: net.TcpNetConnectOpts): net.Socket {
    const { secureContext } = this;
    const { host = '' } = options;
    // Names only: an address has no place there (RFC 6066, 3).
    const named = net.isIP(host) === 0 ? { servername: host } : {};
    return tls.connect({ ...options, ...named, secureContext });
  }
}

class NodeListener implements Listener {
  readonly address: HostPort;
  private readonly server: net.Server;

  constructor(server: net.Server, asked: HostPort) {
    this.server = server;
    const bound = server.address();
    const port = typeof bound === 'object' && bound !== null ? bound.port : asked.port;
    this.address = { host: asked.host, port };
  }

  /** Accepts nothing more from now on; connections that were accepted stay. */
  close(): Promise<void> {
    // The port is free as soon as the call returns; the callback would wait for every connection.
    this.server.close();
    return Promise.resolve();
  }
}

export class NodeSocket implements Socket {
  remoteAddress: string;
  readonly stream: net.Socket;
  declare readonly tls?: TlsFacts;

  constructor(socket: net.Socket, remoteAddress = remoteAddressOf(socket), tls?: TlsFacts) {
    this.stream = socket;
    if (tls !== undefined) this.tls = tls;
    this.remoteAddress = remoteAddress;
    // A connection that breaks says so here first; `onClose` always follows and is what matters.
    socket.on('error', () => undefined);
  }

  get bufferedBytes(): number {
    return this.stream.writableLength;
  }

  write(bytes: Uint8Array): void {
    if (this.stream.writable) this.stream.write(bytes);
  }

  end(): void {
    this.stream.end();
  }

  destroy(): void {
    this.stream.destroy();
  }

  pauseReading(): void {
    this.stream.pause();
  }

  resumeReading(): void {
    this.stream.resume();
  }

  peek(look: (bytes: Uint8Array) => number | null, limitMs: number): Promise<void> {
    const { stream } = this;
    return new Promise((resolve) => {
      let first: Uint8Array = NO_BYTES;
      const finish = (taken: number): void => {
        clearTimeout(timer);
        clearImmediate(lastLook);
        stream.off('readable', onReadable);
        stream.off('close', onClose);
        // After its end a stream takes nothing back, and nobody is there to answer.
        if (taken < first.length && !stream.readableEnded) stream.unshift(first.subarray(taken));
        // The stream goes on as one that nobody has read from as of the next turn of these.
        process.nextTick(resolve);
      };
      const onReadable = (): void => {
        const bytes = stream.read() as Buffer | null;
        if (bytes === null) return;
        first = first.length === 0 ? bytes : Buffer.concat([first, bytes]);
        const taken = look(first);
        if (taken !== null) finish(taken);
      };
      const onClose = (): void => finish(0);
      let lastLook: NodeJS.Immediate | undefined;
      // After a standstill timers come before what was received meanwhile.
      const timer = setTimeout(() => {
        lastLook = setImmediate(onClose);
      }, limitMs);
      stream.on('readable', onReadable);
      stream.once('close', onClose);
      if (stream.destroyed) onClose();
    });
  }

  receive(events: SocketEvents): void {
    if (this.stream.destroyed) {
      process.nextTick(() => events.onClose());
      return;
    }
    this.stream.on('data', (bytes) => events.onData(bytes));
    this.stream.on('drain', () => events.onDrain());
    this.stream.once('close', () => events.onClose());
  }
}

/** `HOST:PORT` of the other side. */
export function remoteAddressOf({ remoteAddress, remotePort }: net.Socket): string {
  return formatAddress(remoteAddress ?? 'unknown', remotePort ?? 0);
}

function formatAddress(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

const LISTEN_MENDS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'Another program listens there; stop it or choose another port (0 takes a free one).',
  EADDRNOTAVAIL: 'This machine has no such address; choose one that it has, such as 127.0.0.1.',
  EACCES: 'This user may not bind that port; choose one above 1023.',
  ENOTFOUND: 'The host name is not known here; check the spelling or use an address.',
};

export function listenFailure(address: HostPort, error: unknown): HoldfastError {
  const mend = LISTEN_MENDS[errnoOf(error) ?? ''] ?? `${messageOf(error)}.`;
  const where = formatAddress(address.host, address.port);
  return new HoldfastError('ADDRESS_IN_USE', `Cannot listen on ${where}. ${mend}`, {
    cause: error,
  });
}

function connectFailure(address: HostPort, error: Error): HoldfastError {
  const where = formatAddress(address.host, address.port);
  return new HoldfastError('CLIENT_FAILED', connectSentence(where, error), { cause: error });
}
