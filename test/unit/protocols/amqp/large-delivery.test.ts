/** P7: a message that is larger than what may wait for its client goes out as the client takes it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type HeldBytes, inMemory } from '../../../../src/broker/api.js';
import { encodedState } from '../../../../src/protocols/amqp/encoded-state.js';
import {
  ATTACH,
  DETACH,
  END,
  ROLE,
  SOURCE,
  TARGET,
} from '../../../../src/protocols/amqp/performatives.js';
import { errorOf, type SentFrame } from '../../../support/amqp-frames.js';
import {
  AMQP_CONFIG,
  attachReceiver,
  attachSender,
  begin,
  begun,
  delivery,
  grant,
  type Peer,
  textMessage,
  transfer,
} from './peer.js';

const MESSAGE = textMessage('abcdefgh'.repeat(50_000));
/** What waits for a client at most: what may, and a frame. */
const MOST_WAITING_BYTES = AMQP_CONFIG.socketBufferMaxBytes + AMQP_CONFIG.maxFrameBytes;

class Watched implements HeldBytes {
  isReleased = false;
  private readonly bytes: HeldBytes;

  constructor(bytes: Uint8Array) {
    this.bytes = inMemory(bytes);
  }

  from(position: number, ready: () => void): Uint8Array | null {
    return this.bytes.from(position, ready);
  }

  release(): void {
    this.isReleased = true;
  }
}

function receiving(): Peer {
  const peer = begun();
  attachReceiver(peer);
  peer.broker.confirmAll();
  grant(peer, 0, 10);
  peer.answers();
  peer.broker.takeCalls();
  peer.socket.takesBytes = false;
  return peer;
}

function deliverLarge(peer: Peer, entryId: number): Watched {
  const view = delivery(entryId, MESSAGE);
  const held = new Watched(view.bytes as Uint8Array);
  peer.broker.deliver(0, { ...view, hold: () => held });
  return held;
}

/** Lets the client take everything that waits for it, again and again, until nothing comes. */
function drained(peer: Peer): SentFrame[] {
  const frames: SentFrame[] = [];
  for (let last = peer.answers(); last.length > 0; last = peer.answers()) {
    frames.push(...last);
    assert.ok(peer.socket.bufferedBytes <= MOST_WAITING_BYTES);
    peer.socket.drain();
  }
  return frames;
}

describe('A large message', () => {
  it('goes out as the client takes it, in the frames of one delivery', () => {
    const peer = receiving();
    const held = deliverLarge(peer, 1);
    assert.equal(peer.broker.takeCalls().at(-1), 'credit 0 0');
    const transfers = drained(peer);
    assert.ok(
      transfers.every(({ name, fields }) => name === 'transfer' && fields.deliveryId === 0),
    );
    const more = transfers.map(({ fields }) => fields.more);
    assert.deepEqual(more.lastIndexOf(true), more.length - 2);
    const payload = Buffer.concat(transfers.map((each) => each.payload));
    assert.ok(payload.subarray(payload.length - MESSAGE.length).equals(MESSAGE));
    assert.equal(held.isReleased, true);
    assert.equal(peer.broker.takeCalls().at(-1), 'credit 0 9');
  });

  it('lets others in between', () => {
    const peer = receiving();
    deliverLarge(peer, 1);
    peer.answers();
    peer.send(0, ATTACH, {
      name: 'sends',
      handle: 1,
      role: ROLE.sender,
      source: encodedState(SOURCE, {}),
      target: encodedState(TARGET, { address: 'q' }),
      initialDeliveryCount: 0,
    });
    const names = drained(peer).map(({ name }) => name);
    assert.ok(names.indexOf('attach') < names.lastIndexOf('transfer'));
  });

  it('takes turns with that of another session', () => {
    const peer = receiving();
    begin(peer, 1);
    attachReceiver(peer, 0, { address: 'other' }, {}, 1);
    peer.broker.confirmAll();
    grant(peer, 0, 10, {}, 1);
    deliverLarge(peer, 1);
    const view = delivery(2, MESSAGE);
    peer.broker.deliver(1, { ...view, hold: () => new Watched(view.bytes as Uint8Array) });
    const transfers = drained(peer).filter(({ name }) => name === 'transfer');
    const firstEnd = transfers.findIndex(({ fields }) => fields.more === false);
    const channels = new Set(transfers.slice(0, firstEnd).map(({ channel }) => channel));
    assert.deepEqual([...channels].sort(), [0, 1]);
  });

  it('is let go when its link is, and the others go on', () => {
    const peer = receiving();
    attachReceiver(peer, 1, { address: 'other' });
    peer.broker.confirmAll();
    grant(peer, 1, 5);
    const held = deliverLarge(peer, 1);
    peer.answers();
    peer.broker.takeCalls();
    peer.send(0, DETACH, { handle: 0, closed: true });
    assert.equal(held.isReleased, true);
    const names = drained(peer).map(({ name }) => name);
    assert.ok(!names.includes('transfer'));
    assert.ok(peer.broker.takeCalls().some((call) => /^credit \d 5$/.test(call)));
  });

  it('is let go when its session ends, and with the connection', () => {
    const one = receiving();
    const first = deliverLarge(one, 1);
    one.send(0, END, {});
    assert.equal(first.isReleased, true);
    const two = receiving();
    const second = deliverLarge(two, 1);
    two.socket.destroy();
    assert.equal(second.isReleased, true);
  });
});

describe('Unfinished messages', () => {
  const PART = new Uint8Array(4_000);

  function sending(links: number): Peer {
    const peer = begun();
    for (let handle = 0; handle < links; handle += 1) attachSender(peer, handle, `q${handle}`);
    peer.answers();
    return peer;
  }

  function part(peer: Peer, handle: number, more: boolean): void {
    transfer(peer, handle, PART, { handle, more });
  }

  it('have a bound for all links of a connection: the link that goes beyond it is detached', () => {
    const peer = sending(3);
    for (let handle = 0; handle < 2; handle += 1) {
      part(peer, handle, true);
      part(peer, handle, true);
    }
    part(peer, 2, true);
    assert.deepEqual(peer.answers(), []);
    part(peer, 2, true);
    const detached = peer.answers().find(({ name }) => name === 'detach');
    assert.equal(detached?.fields.handle, 2);
    assert.equal(errorOf(detached)?.condition, 'amqp:resource-limit-exceeded');
    assert.match(errorOf(detached)?.description ?? '', /amqp\.maxMessageBytes/);
  });

  it('count no more when their link is gone, and when they are aborted', () => {
    const peer = sending(3);
    for (let round = 0; round < 5; round += 1) {
      part(peer, 0, true);
      part(peer, 0, true);
      transfer(peer, 0, PART, { handle: 0, aborted: true });
      part(peer, 1, true);
      part(peer, 1, true);
      peer.send(0, DETACH, { handle: 1, closed: true });
      attachSender(peer, 1, 'q1');
    }
    assert.deepEqual(
      peer
        .answers()
        .map(errorOf)
        .filter((error) => (error ?? null) !== null),
      [],
    );
  });
});
