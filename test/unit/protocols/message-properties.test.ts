/** What selectors see of messages: each protocol's properties, and what is too much or broken. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CONTENT_KIND, type SelectableMessage } from '../../../src/broker/api.js';
import { messageContents } from '../../../src/node/content-kinds.js';
import { ValueWriter } from '../../../src/protocols/amqp/value-writer.js';

function message(
  contentKind: SelectableMessage['contentKind'],
  headers: Uint8Array,
  body: Uint8Array,
): SelectableMessage {
  return {
    contentKind,
    headers,
    body,
    durable: true,
    priority: 7,
    expiresAtMs: 0,
    timestampMs: 1_700_000_000_000,
    failedDeliveries: 2,
  };
}

const stomp = (headers: string) =>
  messageContents.propertiesOf(message(CONTENT_KIND.stomp, Buffer.from(headers), Buffer.alloc(0)));

const amqp = (...parts: readonly Uint8Array[]) =>
  messageContents.propertiesOf(message(CONTENT_KIND.amqp, Buffer.alloc(0), Buffer.concat(parts)));

function section(code: number, write: (to: ValueWriter) => void): Uint8Array {
  const writer = new ValueWriter();
  writer.describedBy(code);
  write(writer);
  return writer.written.slice();
}

const properties = (values: readonly (string | null)[]) =>
  section(0x73, (to) => {
    const start = to.beginList();
    for (const value of values) {
      if (value === null) to.null();
      else to.string(value);
    }
    to.endCompound(start, values.length);
  });

const applicationProperties = (pairs: readonly (readonly [string, string])[]) =>
  section(0x74, (to) => to.textMap(new Map(pairs)));

describe('a message of STOMP', () => {
  it('has its headers, and the JMS headers made of them', () => {
    const propertyOf = stomp(
      'color:red\ntype:order\ncorrelation-id:a\\cb\nconstructor:x\ncolor:blue\n',
    );
    assert.deepEqual(
      ['color', 'JMSType', 'JMSCorrelationID', 'constructor', 'missing', 'toString'].map(
        propertyOf,
      ),
      ['red', 'order', 'a:b', 'x', null, null],
    );
    assert.deepEqual(
      ['JMSPriority', 'JMSDeliveryMode', 'JMSXDeliveryCount', 'JMSTimestamp'].map(propertyOf),
      [7, 'PERSISTENT', 3, 1_700_000_000_000],
    );
  });
});

describe('a message of AMQP', () => {
  it('has its application properties, and the JMS headers where JMS clients put them', () => {
    const fields = ['ID:1', null, null, 'order', null, 'c-1'];
    const propertyOf = amqp(properties(fields), applicationProperties([['color', 'red']]));
    assert.deepEqual(
      ['color', 'JMSType', 'JMSCorrelationID', 'JMSMessageID', 'missing', 'JMSPriority'].map(
        propertyOf,
      ),
      ['red', 'order', 'c-1', 'ID:1', null, 7],
    );
    assert.equal(amqp(properties(['1']))('JMSMessageID'), 'ID:AMQP_NO_PREFIX:1');
  });

  it('that cannot be decoded has nothing to be selected by', () => {
    const broken = Uint8Array.of(0x00, 0x53, 0x74, 0xc1, 3, 1, 0x40, 0x40);
    assert.equal(amqp(broken)('color'), null);
    const notUtf8 = section(0x74, (to) => {
      const start = to.beginMap();
      to.string('color');
      to.raw(Uint8Array.of(0xa1, 1, 0xff));
      to.endCompound(start, 2);
    });
    assert.equal(amqp(notUtf8)('color'), null);
    const half = amqp(
      section(0x74, (to) => {
        const start = to.beginMap();
        to.string('good');
        to.string('x');
        to.string('bad');
        to.raw(Uint8Array.of(0xa1, 1, 0xff));
        to.endCompound(start, 4);
      }),
    );
    assert.deepEqual(['good', 'good', 'bad'].map(half), [null, null, null]);
  });

  it('with more than somebody can select by is as if it had nothing there', () => {
    const many = Array.from({ length: 6_000 }, (_, index) => [`key${index}`, 'value'] as const);
    assert.equal(amqp(applicationProperties(many))('key1'), null);
    const long = applicationProperties([
      ['long', 'x'.repeat(9_000)],
      ['short', 'x'],
    ]);
    assert.deepEqual(['long', 'short'].map(amqp(long)), [null, 'x']);
  });
});
