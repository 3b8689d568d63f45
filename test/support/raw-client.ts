/** A client that writes whatever bytes a test wants and shows what came back. */
import net from 'node:net';
import type { HostPort } from '../../src/platform/ports.js';
import { eventually, within } from './eventually.js';

const CONNECT = 'CONNECT\naccept-version:1.2\nhost:test\n\n\0';

export class RawClient {
  readonly closed: Promise<void>;
  readonly socket: net.Socket;
  #received = '';

  private constructor(socket: net.Socket) {
    this.socket = socket;
    socket.on('data', (bytes) => {
      this.#received += bytes.toString('latin1');
    });
    // The broker may reset what it refused; what came before it is what counts.
    socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
  }

  static async open({ host, port }: HostPort): Promise<RawClient> {
    const socket = net.connect({ host, port });
    const client = new RawClient(socket);
    const connected = new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    await within('the connection opens', connected);
    return client;
  }

  /** Also speaks CONNECT. */
  static async connect(address: HostPort): Promise<RawClient> {
    const client = await RawClient.open(address);
    client.write(CONNECT);
    await client.receives('CONNECTED');
    return client;
  }

  get received(): string {
    return this.#received;
  }

  write(bytes: string | Uint8Array): void {
    this.socket.write(bytes);
  }

  async receives(text: string): Promise<void> {
    await eventually(`${JSON.stringify(text)} comes`, () => this.#received.includes(text));
  }

  /** The ERROR frame, once the broker has closed the connection behind it. */
  async refusal(): Promise<string> {
    await within('the broker closes the connection', this.closed);
    return this.#received.slice(this.#received.lastIndexOf('ERROR\n'));
  }
}
