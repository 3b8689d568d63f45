import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encodedState } from '../../../../src/protocols/amqp/encoded-state.js';
import {
  ACCEPTED,
  REJECTED,
  TRANSACTIONAL_STATE,
} from '../../../../src/protocols/amqp/performatives.js';
import { SenderProperties } from '../../../../src/protocols/amqp/sender-properties.js';
import { type DescribedValue, ValueReader } from '../../../../src/protocols/amqp/value-reader.js';
import { ValueWriter } from '../../../../src/protocols/amqp/value-writer.js';
import { refusal } from '../shared/scripted-broker.js';
import { attachSender, begun, type Peer, stateOf, textMessage, transfer } from './peer.js';

const UUID = Uint8Array.from({ length: 16 }, (_, index) => index);

/** The application properties `before`, `_AMQ_DUPL_ID` and `after`. */
function properties(writeId: (writer: ValueWriter) => void, name = '_AMQ_DUPL_ID'): Uint8Array {
  const writer = new ValueWriter();
  writer.describedBy(0x74);
  const start = writer.beginMap();
  for (const text of ['before', '_AMQ', name]) writer.string(text);
  writeId(writer);
  for (const text of ['after', 'x']) writer.string(text);
  writer.endCompound(start, 6);
  return writer.written.slice();
}

const valid: [string, (writer: ValueWriter) => void, unknown][] = [
  ['a string', (to) => to.string('ä-1'), 'ä-1'],
  ['a symbol', (to) => to.symbol('s'), 's'],
  ['a binary', (to) => to.binary(Uint8Array.of(0, 255)), Uint8Array.of(0, 255)],
  ['an int', (to) => to.int(-5), -5],
  ['a long', (to) => to.long(5), 5],
  ['a large ulong', (to) => to.ulong(2n ** 63n), 2n ** 63n],
  ['a double without a fraction', (to) => to.double(5), 5],
  ['a uuid', (to) => to.raw(Uint8Array.of(0x98, ...UUID)), UUID],
  ['null, which is none', (to) => to.null(), null],
];

for (const [name, write, expected] of valid) {
  it(`reads ${name}`, () => {
    const section = properties(write);
    const bytes = Buffer.concat([
      Buffer.from('_AMQ_DUPL_ID'),
      section,
      Buffer.from('_AMQ_DUPL_ID'),
    ]);
    const reader = new SenderProperties();
    reader.read(bytes, 12, 12 + section.length);
    const found = reader.duplicateId;
    assert.deepEqual(found instanceof Uint8Array ? Uint8Array.from(found) : found, expected);
  });
}

it('reads nothing from properties without it', () => {
  const reader = new SenderProperties();
  for (const name of ['x', '_AMQ_DUPL_I', '_amq_dupl_id', 'x_AMQ_DUPL_ID']) {
    const section = properties((to) => to.string('_AMQ_DUPL_ID'), name);
    reader.read(section, 0, section.length);
    assert.equal(reader.duplicateId, null);
  }
  // Properties that nobody looks into are passed on, whatever they are.
  reader.read(Uint8Array.of(0, 0x53, 0x74, 0x40), 0, 4);
  assert.equal(reader.duplicateId, null);
});

describe('a message with a duplicate id', () => {
  function sending(): Peer {
    const peer = begun();
    attachSender(peer);
    peer.answers();
    return peer;
  }

  it('is handed to the broker with it and otherwise as it is; the next one has none', () => {
    const peer = sending();
    const message = Buffer.concat([properties((to) => to.string('id')), textMessage('hello')]);
    transfer(peer, 0, message);
    transfer(peer, 1);
    // In two frames, which are put together first.
    transfer(peer, 2, message.subarray(0, 25), { more: true });
    transfer(peer, 2, message.subarray(25));
    assert.deepEqual(
      peer.broker.sent.map(({ duplicateId }) => duplicateId),
      ['id', null, 'id'],
    );
    assert.deepEqual(Buffer.from(peer.broker.sent[0]?.body ?? []), message);
    assert.deepEqual(Buffer.from(peer.broker.sent[2]?.body ?? []), message);
  });

  it('is rejected when that can be no id, and the link stays', () => {
    const peer = sending();
    for (const [deliveryId, write] of [
      (to: ValueWriter) => to.boolean(true),
      (to: ValueWriter) => to.double(0.5),
      (to: ValueWriter) => to.endCompound(to.beginList(), 0),
    ].entries()) {
      transfer(peer, deliveryId, Buffer.concat([properties(write), textMessage('x')]));
      const [disposition, ...others] = peer.answers();
      assert.equal(stateOf(disposition), REJECTED.code);
      assert.match(
        reasonOf(disposition?.fields.state),
        /must be a string, a binary, a uuid or a whole/,
      );
      assert.deepEqual(others, []);
    }
    assert.equal(peer.broker.sent.length, 0);
    transfer(peer, 3);
    peer.broker.confirmAll();
    assert.equal(stateOf(peer.answers()[0]), ACCEPTED.code);
  });

  it('is rejected when the broker finds the id too long', () => {
    const peer = sending();
    peer.broker.refuses.set('send', refusal('A duplicate id has 501 bytes.'));
    transfer(peer, 0, Buffer.concat([properties((to) => to.string('x')), textMessage('x')]));
    const [disposition] = peer.answers();
    assert.equal(stateOf(disposition), REJECTED.code);
    assert.match(reasonOf(disposition?.fields.state), /501 bytes/);
  });

  it('that can be no id is an error of its transaction when that is unknown', () => {
    const peer = sending();
    const state = encodedState(TRANSACTIONAL_STATE, { txnId: Uint8Array.of(9) });
    const message = Buffer.concat([properties((to) => to.boolean(true)), textMessage('x')]);
    transfer(peer, 0, message, { state });
    const [detach] = peer.answers();
    assert.equal(detach?.name, 'detach');
    assert.match(JSON.stringify(detach?.fields.error), /unknown-id/);
  });
});

/** The description in the error of a rejected state. */
function reasonOf(state: unknown): string {
  const rejected = new ValueReader(state as Uint8Array).value() as DescribedValue;
  const [error] = rejected.value as [DescribedValue];
  return String((error.value as unknown[])[1]);
}

describe('a message that is to be delivered later', () => {
  function sent(...parts: readonly Uint8Array[]): Peer {
    const peer = begun();
    attachSender(peer);
    transfer(peer, 0, Buffer.concat([...parts, textMessage('x')]));
    return peer;
  }

  function annotations(values: { readonly [name: string]: number | string }): Uint8Array {
    const writer = new ValueWriter();
    writer.describedBy(0x72);
    writer.value(values);
    return writer.written.slice();
  }

  const timeIn = (peer: Peer) => peer.broker.sent[0]?.deliverAtMs;

  it('says when, or how long from now, in its annotations', () => {
    const time = 1_800_000_000_000;
    assert.equal(timeIn(sent(annotations({ 'x-opt-delivery-time': time }))), time);
    const peer = sent(annotations({ 'x-opt-other': 1, 'x-opt-delivery-delay': 5_000 }));
    assert.equal(timeIn(peer), peer.clock.wallMs() + 5_000);
    const both = { 'x-opt-delivery-delay': 5_000, 'x-opt-delivery-time': time };
    assert.equal(timeIn(sent(annotations(both))), time);
    assert.equal(timeIn(sent(annotations({ 'x-opt-other': 'x' }))), 0);
  });

  it('or in the application property of Artemis', () => {
    const name = '_AMQ_SCHED_DELIVERY';
    assert.equal(
      timeIn(sent(properties((to) => to.long(1_800_000_000_000), name))),
      1_800_000_000_000,
    );
  });

  it('is rejected for a time that is none, and others are taken', () => {
    const peer = sent(annotations({ 'x-opt-delivery-time': 'soon' }));
    transfer(peer, 1, textMessage('y'));
    peer.broker.confirmAll();
    const states = peer
      .answers()
      .filter(({ name }) => name === 'disposition')
      .map(stateOf);
    assert.deepEqual(states, [REJECTED.code, ACCEPTED.code]);
  });
});
