/** P7: a message that is larger than what may wait for its client goes out as the client takes it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type HeldBytes, inMemory } from '../../../../src/broker/api.js';
import { type Connection, connected, STOMP_CONFIG } from './connection.js';
import { bytesOf } from './decode-all.js';

const BODY = 'abcdefgh'.repeat(50_000);
/** What waits for a client at most: what is asked for, and what is handed over at a time. */
const MOST_WAITING_BYTES = STOMP_CONFIG.socketBufferMaxBytes + 65_536;

function subscribed(): Connection {
  const connection = connected('1.2');
  connection.exchange('SUBSCRIBE\nid:0\ndestination:/queue/q\n\n^@');
  connection.socket.takesBytes = false;
  return connection;
}

/** Lets the client take everything that waits for it, again and again, until nothing comes. */
function drained(connection: Connection): string {
  let answer = connection.answer();
  for (let last: string | null = null; last !== ''; answer += last) {
    assert.ok(connection.socket.bufferedBytes <= MOST_WAITING_BYTES);
    connection.socket.drain();
    last = connection.answer();
  }
  return answer;
}

/** Holds bytes whose parts are there only when they have been asked for. */
class SlowBytes implements HeldBytes {
  isReleased = false;
  readonly asked: (() => void)[] = [];
  private readonly bytes: Uint8Array;
  private atHand = -1;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  from(position: number, ready: () => void): Uint8Array | null {
    if (position === this.atHand) return this.bytes.subarray(position, position + 100_000);
    this.asked.push(() => {
      this.atHand = position;
      ready();
    });
    return null;
  }

  release(): void {
    this.isReleased = true;
  }
}

describe('A large message', () => {
  it('goes out as the client takes it, and all of it', () => {
    const connection = subscribed();
    connection.broker.deliver(0, { body: BODY });
    assert.equal(connection.session.writable, false);
    const answer = drained(connection);
    assert.ok(answer.startsWith('MESSAGE\n'));
    assert.ok(answer.endsWith(`content-length:${BODY.length}\n\n${BODY}^@`));
    assert.equal(connection.session.writable, true);
    assert.equal(connection.broker.takeCalls().at(-1), 'resumeDelivery');
  });

  it('is followed by what was said meanwhile', () => {
    const connection = subscribed();
    connection.broker.deliver(0, { body: BODY });
    const first = connection.exchange('SEND\ndestination:/queue/q\nreceipt:r1\n\nhello^@');
    connection.broker.confirmAll();
    const rest = drained(connection);
    const all = first + rest;
    assert.ok(all.endsWith(`\n\n${BODY}^@RECEIPT\nreceipt-id:r1\n\n^@`));
  });

  it('goes on when what was not at hand is', () => {
    const connection = subscribed();
    const bytes = bytesOf(BODY);
    const held = new SlowBytes(bytes);
    connection.broker.deliver(0, {
      bytes,
      headersStart: 0,
      headersEnd: 0,
      bodyStart: 0,
      bodyEnd: bytes.length,
      hold: () => held,
    });
    let answer = connection.answer();
    for (let load = held.asked.shift(); load !== undefined; load = held.asked.shift()) {
      load();
      answer += drained(connection);
    }
    assert.ok(answer.endsWith(`\n\n${BODY}^@`));
    assert.equal(held.isReleased, true);
  });

  it('is let go when the client goes in the middle of it', () => {
    const connection = subscribed();
    const held = new SlowBytes(bytesOf(BODY));
    connection.broker.deliver(0, { body: BODY, hold: () => held });
    connection.answer();
    connection.socket.destroy();
    assert.equal(held.isReleased, true);
    held.asked[0]?.();
    assert.equal(connection.answer(), '');
  });

  it('ends with the connection when that fails: an ERROR cannot come inside of a body', () => {
    const connection = subscribed();
    connection.broker.deliver(0, { body: BODY });
    const begun = connection.answer();
    const answer = connection.exchange('NONSENSE\n\n^@');
    assert.doesNotMatch(begun + answer, /ERROR/);
    assert.equal(connection.socket.ended, true);
  });

  it('is whole before the receipt of a DISCONNECT', () => {
    const connection = subscribed();
    connection.broker.deliver(0, { body: BODY });
    const begun = connection.exchange('DISCONNECT\nreceipt:bye\n\n^@');
    connection.broker.confirmAll();
    assert.equal(connection.socket.ended, false);
    const all = begun + drained(connection);
    assert.ok(all.endsWith(`\n\n${BODY}^@RECEIPT\nreceipt-id:bye\n\n^@`));
    assert.equal(connection.socket.ended, true);
  });

  it('is whole before that receipt also when the client has promised heart-beats, and beats', () => {
    const config = { ...STOMP_CONFIG, frameTimeoutMs: 60_000 };
    const connection = connected('1.2', 'heart-beat:1000,0\n', { config });
    connection.exchange('SUBSCRIBE\nid:0\ndestination:/queue/q\n\n^@');
    connection.socket.takesBytes = false;
    connection.broker.deliver(0, { body: BODY });
    let all = connection.exchange('DISCONNECT\nreceipt:bye\n\n^@');
    connection.broker.confirmAll();
    for (let beats = 0; beats < 3; beats += 1) {
      connection.clock.advance(900);
      all += connection.exchange('\n');
    }
    all += drained(connection);
    assert.ok(all.endsWith(`\n\n${BODY}^@RECEIPT\nreceipt-id:bye\n\n^@`));
  });

  it('from memory is read where it lies', () => {
    assert.deepEqual(inMemory(Uint8Array.of(1, 2, 3)).from(1, assert.fail), Uint8Array.of(2, 3));
  });
});
