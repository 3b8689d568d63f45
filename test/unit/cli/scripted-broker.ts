/** A STOMP server that does what a test tells it, on a real socket. Header values are not unescaped. */

import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

export interface ReceivedFrame {
  readonly command: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** `connection` counts from 1. */
export type Script = (frame: ReceivedFrame, socket: Socket, connection: number) => void;

export class ScriptedBroker {
  readonly frames: ReceivedFrame[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #connections = 0;

  private constructor(script: Script) {
    this.#server = createServer((socket) => {
      this.#connections += 1;
      this.#serve(socket, this.#connections, script);
    });
  }

  static async start(script: Script): Promise<ScriptedBroker> {
    const broker = new ScriptedBroker(script);
    broker.#server.listen(0, '127.0.0.1');
    await once(broker.#server, 'listening');
    return broker;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) {
      socket.destroy();
    }
    this.#server.close();
    await once(this.#server, 'close');
  }

  #serve(socket: Socket, connection: number, script: Script): void {
    this.#sockets.add(socket);
    let waiting = '';
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => {
      waiting += text;
      for (let end = waiting.indexOf('\0'); end >= 0; end = waiting.indexOf('\0')) {
        const frame = parseFrame(waiting.slice(0, end));
        waiting = waiting.slice(end + 1);
        this.frames.push(frame);
        script(frame, socket, connection);
      }
    });
  }
}

/** Answers CONNECT, and every receipt that is asked for. */
export function agree(frame: ReceivedFrame, socket: Socket): void {
  if (frame.command === 'CONNECT') {
    socket.write('CONNECTED\nversion:1.2\nheart-beat:0,0\n\n\0');
  }
  const receipt = frame.headers.get('receipt');
  if (receipt !== undefined) {
    socket.write(`RECEIPT\nreceipt-id:${receipt}\n\n\0`);
  }
}

function parseFrame(text: string): ReceivedFrame {
  const [head = '', ...body] = text.replace(/^\n+/, '').split('\n\n');
  const [command = '', ...lines] = head.split('\n');
  const headers = new Map(
    lines.map((line): [string, string] => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 1)];
    }),
  );
  return { command, headers, body: body.join('\n\n') };
}
