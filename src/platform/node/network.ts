/**
 * The Network port over `node:net`. Small segments are never held back (`setNoDelay`): without it
 * a confirmation waits up to 40 ms for the other side's delayed TCP acknowledgement.
 */
import net from 'node:net';
import { errnoOf, HoldfastError, messageOf } from '../errors.js';
import type { HostPort, Listener, Network, Socket, SocketEvents } from '../ports.js';

/** Where `onDrain` begins to matter, and what one read from the kernel may bring. */
const HIGH_WATER_MARK_BYTES = 64 * 1024;
const BACKLOG_CONNECTIONS = 1024;

const STREAM_OPTIONS = { noDelay: true, highWaterMark: HIGH_WATER_MARK_BYTES } as const;

export class NodeNetwork implements Network {
  private readonly onAcceptFailed: (error: Error) => void;

  /** `onAcceptFailed`: one connection could not be taken (out of descriptors, ...); the listener goes on. */
  constructor(onAcceptFailed: (error: Error) => void) {
    this.onAcceptFailed = onAcceptFailed;
  }

  listen(address: HostPort, onConnection: (socket: Socket) => void): Promise<Listener> {
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
      const socket = net.connect({ ...STREAM_OPTIONS, host: address.host, port: address.port });
      const timer = setTimeout(
        () => socket.destroy(new Error(`no answer within ${timeoutMs} ms`)),
        timeoutMs,
      );
      const onFailed = (error: Error) => {
        clearTimeout(timer);
        reject(connectFailure(address, error));
      };
      socket.once('error', onFailed);
      socket.once('connect', () => {
        clearTimeout(timer);
        socket.off('error', onFailed);
        resolve(new NodeSocket(socket));
      });
    });
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

class NodeSocket implements Socket {
  readonly remoteAddress: string;
  private readonly socket: net.Socket;

  constructor(socket: net.Socket) {
    this.socket = socket;
    this.remoteAddress = formatAddress(socket.remoteAddress ?? 'unknown', socket.remotePort ?? 0);
    // A connection that breaks says so here first; `onClose` always follows and is what matters.
    socket.on('error', () => undefined);
  }

  get bufferedBytes(): number {
    return this.socket.writableLength;
  }

  write(bytes: Uint8Array): void {
    if (this.socket.writable) this.socket.write(bytes);
  }

  end(): void {
    this.socket.end();
  }

  destroy(): void {
    this.socket.destroy();
  }

  pauseReading(): void {
    this.socket.pause();
  }

  resumeReading(): void {
    this.socket.resume();
  }

  receive(events: SocketEvents): void {
    if (this.socket.destroyed) {
      process.nextTick(() => events.onClose());
      return;
    }
    this.socket.on('data', (bytes) => events.onData(bytes));
    this.socket.on('drain', () => events.onDrain());
    this.socket.once('close', () => events.onClose());
  }
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
  const reason = errnoOf(error) ?? messageOf(error);
  return new HoldfastError(
    'CLIENT_FAILED',
    `Cannot connect to ${where} (${reason}). Check the address, and that a node is running there.`,
    { cause: error },
  );
}
