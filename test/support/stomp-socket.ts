/** What `@stomp/stompjs` takes for a WebSocket, over TCP or TLS, so that it speaks to any broker. */
import net from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { IStompSocket, IStompSocketMessageEvent } from '@stomp/stompjs';
import type { HostPort } from '../../src/platform/ports.js';

const READY_STATE = { connecting: 0, open: 1, closed: 3 } as const;

export class TcpStompSocket implements IStompSocket {
  readonly url: string;
  readonly binaryType = 'arraybuffer';
  readyState: number = READY_STATE.connecting;
  onclose: ((event?: unknown) => unknown) | undefined;
  onerror: ((event: unknown) => unknown) | undefined;
  onmessage: ((event: IStompSocketMessageEvent) => unknown) | undefined;
  onopen: ((event?: unknown) => unknown) | undefined;
  readonly #socket: net.Socket;

  /** `secured`: a connection to it over TLS that is being made. */
  constructor({ host, port }: HostPort, secured?: TLSSocket) {
    this.url = `tcp://${host}:${port}`;
    this.#socket = secured ?? net.connect({ host, port, noDelay: true });
    this.#socket.on(secured === undefined ? 'connect' : 'secureConnect', () => {
      this.readyState = READY_STATE.open;
      this.onopen?.();
    });
    this.#socket.on('data', (bytes) => {
      const data = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
      this.onmessage?.({ data: data as ArrayBuffer });
    });
    this.#socket.on('error', (error) => this.onerror?.(error));
    this.#socket.on('close', () => {
      this.readyState = READY_STATE.closed;
      this.onclose?.({ code: 1000, wasClean: true, reason: '' });
    });
  }

  send(data: string | ArrayBuffer): void {
    this.#socket.write(typeof data === 'string' ? data : Buffer.from(data));
  }

  close(): void {
    this.#socket.end();
  }

  terminate(): void {
    this.#socket.destroy();
  }
}
