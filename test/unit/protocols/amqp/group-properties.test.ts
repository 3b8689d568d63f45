/** Which group a message is of: what is read of its properties, and what is no group. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PROPERTIES } from '../../../../src/protocols/amqp/bare-message.js';
import { writeComposite } from '../../../../src/protocols/amqp/composite.js';
import {
  signedSequence,
  unsignedSequence,
} from '../../../../src/protocols/amqp/group-properties.js';
import { ACCEPTED, REJECTED } from '../../../../src/protocols/amqp/performatives.js';
import { ValueWriter } from '../../../../src/protocols/amqp/value-writer.js';
import { attachSender, begun, type Peer, stateOf, textMessage, transfer } from './peer.js';

function section(write: (writer: ValueWriter) => void): Uint8Array {
  const writer = new ValueWriter();
  write(writer);
  return writer.written.slice();
}

const properties = (given: Parameters<typeof writeComposite<(typeof PROPERTIES)['fields']>>[2]) =>
  section((to) => writeComposite(to, PROPERTIES, given));

/** A list of properties of which only the last is there. */
const propertyAt = (index: number, write: (writer: ValueWriter) => void) =>
  section((to) => {
    to.describedBy(PROPERTIES.code);
    const start = to.beginList();
    for (let before = 0; before < index; before += 1) to.null();
    write(to);
    to.endCompound(start, index + 1);
  });

function sending(): Peer {
  const peer = begun();
  attachSender(peer);
  peer.answers();
  return peer;
}

describe('the group of a message', () => {
  it('is its group-id, and a negative group-sequence closes it', () => {
    const peer = sending();
    const all = [
      properties({ groupId: 'g', groupSequence: 3 }),
      properties({ groupId: 'h', groupSequence: 0xffffffff }),
      properties({ messageId: 'x', subject: 's', creationTime: 5 }),
      properties({ messageId: 'x'.repeat(300), groupId: 'large', replyToGroupId: 'r' }),
      properties({ groupSequence: 0xffffffff }),
    ];
    for (const [deliveryId, each] of [...all, new Uint8Array(0)].entries()) {
      transfer(peer, deliveryId, Buffer.concat([each, textMessage('x')]));
    }
    assert.deepEqual(
      peer.broker.sent.map(({ groupId, closesGroup }) => [groupId, closesGroup]),
      [
        ['g', false],
        ['h', true],
        [null, false],
        ['large', false],
        [null, true],
        [null, false],
      ],
    );
  });

  it('that is none has its message rejected, and others are taken', () => {
    const peer = sending();
    for (const [deliveryId, broken] of [
      propertyAt(10, (to) => to.uint(5)),
      propertyAt(11, (to) => to.string('x')),
    ].entries()) {
      transfer(peer, deliveryId, Buffer.concat([broken, textMessage('x')]));
      assert.equal(stateOf(peer.answers()[0]), REJECTED.code);
    }
    assert.deepEqual(peer.broker.sent, []);
    transfer(peer, 2, Buffer.concat([propertyAt(9, (to) => to.string('x')), textMessage('x')]));
    peer.broker.confirmAll();
    assert.equal(stateOf(peer.answers()[0]), ACCEPTED.code);
  });
});

it('a sequence is a uint in AMQP and an int in JMS', () => {
  const pairs: readonly (readonly [string, number | null])[] = [
    ['0', 0],
    ['-1', 0xffffffff],
    ['2147483647', 2 ** 31 - 1],
    ['-2147483648', 2 ** 31],
    ['2147483648', null],
    ['1.5', null],
    ['', null],
    ['x', null],
  ];
  for (const [text, expected] of pairs) {
    assert.equal(unsignedSequence(text), expected, text);
    if (expected !== null) assert.equal(String(signedSequence(expected)), text);
  }
});
