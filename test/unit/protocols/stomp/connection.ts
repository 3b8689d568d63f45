/**
 * A STOMP session between a socket, a clock and a broker that the test holds in its hands. The
 * broker keeps what it was asked for and confirms only when told to.
 */
import type { Config } from '../../../../src/config/schema.js';
import { StompSession, type StompSessionOptions } from '../../../../src/protocols/stomp/session.js';
import { ManualClock } from '../../../support/manual-clock.js';
import { FakeSocket } from '../shared/fake-socket.js';
import { ScriptedBroker } from '../shared/scripted-broker.js';
import { bytesOf } from './decode-all.js';

export const STOMP_CONFIG: Config['stomp'] = {
  listen: '127.0.0.1:0',
  clientCertificates: 'none',
  maxHeaderBytes: 4096,
  maxHeaders: 32,
  maxBodyBytes: 100_000,
  maxConnections: 10,
  connectTimeoutMs: 1_000,
  frameTimeoutMs: 2_000,
  heartbeatMs: 400,
  socketBufferMaxBytes: 65_536,
};

export class Connection {
  readonly clock = new ManualClock();
  readonly socket = new FakeSocket();
  readonly broker = new ScriptedBroker();
  closedCount = 0;
  readonly session: StompSession;

  constructor(changes: Partial<StompSessionOptions> = {}) {
    this.session = new StompSession({
      socket: this.socket,
      broker: this.broker,
      clock: this.clock,
      config: STOMP_CONFIG,
      serverName: 'holdfast/0.1.0',
      sessionId: 's-1',
      nodeName: 'a',
      convert: (message) => message,
      onClosed: () => {
        this.closedCount += 1;
      },
      ...changes,
    });
  }

  /** Sends the text (`^@` stands for NUL) and gives back what the session answers in this turn. */
  exchange(text: string): string {
    this.socket.push(bytesOf(text.replaceAll('^@', '\0')));
    return this.answer();
  }

  answer(): string {
    this.clock.endTurn();
    return this.socket.takeText();
  }

  confirm(): string {
    this.broker.confirmAll();
    return this.answer();
  }
}

/** A connection on which CONNECT is done. */
export function connected(
  version: '1.0' | '1.1' | '1.2',
  headers = '',
  changes: Partial<StompSessionOptions> = {},
): Connection {
  const connection = new Connection(changes);
  const answer = connection.exchange(`CONNECT\naccept-version:${version}\nhost:h\n${headers}\n^@`);
  if (!answer.startsWith(`CONNECTED\nversion:${version}\n`)) throw new Error(answer);
  return connection;
}
