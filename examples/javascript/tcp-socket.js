/** What `@stomp/stompjs` takes for a WebSocket, over plain TCP: that is what a broker's STOMP port speaks. */
import net from 'node:net';

const CONNECTING = 0;
const OPEN = 1;
const CLOSED = 3;

export class TcpSocket {
  binaryType = 'arraybuffer';
  readyState = CONNECTING;
  #socket;

  constructor({ host, port }) {
    this.url = `tcp://${host}:${port}`;
    this.#socket = net.connect({ host, port, noDelay: true });
    this.#socket.on('connect', () => {
      this.readyState = OPEN;
      this.onopen?.();
    });
    this.#socket.on('data', (bytes) => {
      const { byteOffset, byteLength } = bytes;
      this.onmessage?.({ data: bytes.buffer.slice(byteOffset, byteOffset + byteLength) });
    });
    this.#socket.on('error', (error) => this.onerror?.(error));
    this.#socket.on('close', () => {
      this.readyState = CLOSED;
      this.onclose?.({ code: 1000, wasClean: true, reason: '' });
    });
  }

  send(data) {
    this.#socket.write(typeof data === 'string' ? data : Buffer.from(data));
  }

  close() {
    this.#socket.end();
  }

  /** At once, without waiting for the other side: also what is lost is closed by this. */
  terminate() {
    this.#socket.destroy();
  }
}
