import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { CONTENT_KIND, type DeliveryView, inMemory } from '../../../../src/broker/api.js';
import { PROPERTIES } from '../../../../src/protocols/amqp/bare-message.js';
import { readFields, writeComposite } from '../../../../src/protocols/amqp/composite.js';
import { sectionCode } from '../../../../src/protocols/amqp/message-sections.js';
import { ValueReader } from '../../../../src/protocols/amqp/value-reader.js';
import { ValueWriter } from '../../../../src/protocols/amqp/value-writer.js';
import { stompDestinationOf } from '../../../../src/protocols/conversion/addresses.js';
import { convert } from '../../../../src/protocols/conversion/convert.js';

const { amqp, stomp, stompBytes } = CONTENT_KIND;

function view(
  contentKind: DeliveryView['contentKind'],
  headers: string,
  body: Uint8Array,
): DeliveryView {
  const head = Buffer.from(headers);
  const bytes = Buffer.concat([head, body]);
  return {
    entryId: 7,
    destination: { kind: 'queue', name: 'orders' },
    contentKind,
    bytes,
    headersStart: 0,
    headersEnd: head.length,
    bodyStart: head.length,
    bodyEnd: head.length + body.length,
    durable: true,
    priority: 4,
    expiresAtMs: 0,
    timestampMs: 1_700_000_000_000,
    redelivered: false,
    failedDeliveries: 0,
    hold: () => inMemory(bytes),
  };
}

const headersOf = ({ bytes, headersStart, headersEnd }: DeliveryView): string =>
  Buffer.from(bytes.subarray(headersStart, headersEnd)).toString();
const bodyOf = ({ bytes, bodyStart, bodyEnd }: DeliveryView): Buffer =>
  Buffer.from(bytes.subarray(bodyStart, bodyEnd));

/** The sections of a converted message, by their descriptors. */
function sectionsOf(message: DeliveryView): Map<number, unknown> {
  const reader = new ValueReader(message.bytes, message.bodyStart, message.bodyEnd);
  const sections = new Map<number, unknown>();
  while (!reader.isAtEnd) {
    const code = sectionCode(reader);
    sections.set(code, code === PROPERTIES.code ? readFields(reader, PROPERTIES) : reader.value());
  }
  return sections;
}

function bare(write: (writer: ValueWriter) => void): Uint8Array {
  const writer = new ValueWriter();
  write(writer);
  return writer.written.slice();
}

describe('a STOMP message as AMQP reads it', () => {
  const convertText = (headers: string, body: string) =>
    sectionsOf(convert(view(stomp, headers, Buffer.from(body)), amqp));

  it('has its headers among properties and application properties', () => {
    const sections = convertText(
      'correlation-id:c-1\ntype:greeting\ncontent-type:text/plain\nreply-to:/queue/answers\ncolour:red\\cblue\ncolour:second\n',
      'hello',
    );
    const { messageId, to, subject, replyTo, correlationId, contentType, creationTime } =
      sections.get(0x73) as Record<string, unknown>;
    assert.deepEqual(
      [messageId, to, subject, replyTo, correlationId, contentType, creationTime],
      ['ID:7', 'orders', 'greeting', 'queue://answers', 'c-1', 'text/plain', 1_700_000_000_000],
    );
    assert.deepEqual([...(sections.get(0x74) as Map<string, string>)], [['colour', 'red:blue']]);
    assert.equal(sections.get(0x77), 'hello');
  });

  const [VALUE, DATA] = [0x77, 0x75];
  const BODIES = [
    ['text, sent without a length', stomp, '', 'plain', VALUE],
    ['text of whatever type', stomp, 'content-type:application/json\n', '{}', VALUE],
    ['bytes, sent with a length', stompBytes, '', 'plain', DATA],
    ['bytes of whatever type', stompBytes, 'content-type:text/plain\n', 'plain', DATA],
    ['text that says so', stompBytes, 'amq-msg-type:text\n', 'plain', VALUE],
    ['bytes that say so', stomp, 'amq-msg-type:bytes\n', 'plain', DATA],
    ['bytes that are no text', stomp, 'amq-msg-type:text\n', '\xff', DATA],
  ] as const;
  for (const [what, kind, headers, body, section] of BODIES) {
    it(`is ${what}`, () => {
      const bytes = Buffer.from(body, 'latin1');
      const sections = sectionsOf(convert(view(kind, headers, bytes), amqp));
      const found = sections.get(section);
      const expected = section === VALUE ? body : bytes;
      assert.deepEqual(section === VALUE ? found : Buffer.from(found as Uint8Array), expected);
    });
  }

  it('keeps its group and sequence, the negative as JMS clients read them', () => {
    const sequences = ['3', '-1', '-2147483648', '4294967295', 'last'];
    const read = sequences.map((sequence) => {
      const sections = convertText(`JMSXGroupID:gr\\n\nJMSXGroupSeq:${sequence}\nx:y\n`, '');
      const { groupId, groupSequence } = sections.get(0x73) as Record<string, unknown>;
      return [groupId, groupSequence, [...(sections.get(0x74) as Map<string, string>).keys()]];
    });
    assert.deepEqual(read, [
      ['gr\n', 3, ['x']],
      ['gr\n', 0xffffffff, ['x']],
      ['gr\n', 0x80000000, ['x']],
      ['gr\n', null, ['JMSXGroupSeq', 'x']],
      ['gr\n', null, ['JMSXGroupSeq', 'x']],
    ]);
  });

  it('takes header names and values of any kind', () => {
    const sections = convertText('__proto__:x\ncontent-type:täxt\n', '');
    assert.deepEqual(
      [...(sections.get(0x74) as Map<string, string>)],
      [
        ['__proto__', 'x'],
        ['content-type', 'täxt'],
      ],
    );
  });
});

describe('an AMQP message as STOMP reads it', () => {
  const convertBare = (write: (writer: ValueWriter) => void) =>
    convert(view(amqp, '', bare(write)), stomp);

  it('has properties and application properties as headers', () => {
    const message = convertBare((to) => {
      to.describedBy(0x74);
      to.textMap(
        new Map([
          ['colour', 'red:blue'],
          ['line', 'a\nb'],
        ]),
      );
      to.describedBy(0x77);
      to.string('hello');
    });
    assert.equal(headersOf(message), 'colour:red\\cblue\nline:a\\nb\n');
    assert.equal(bodyOf(message).toString(), 'hello');
  });

  it('keeps its group and sequence, the negative ones of JMS clients too', () => {
    const lines = [5, 0xffffffff].map((groupSequence) =>
      headersOf(
        convertBare((to) => writeComposite(to, PROPERTIES, { groupId: 'g:1', groupSequence })),
      ),
    );
    assert.deepEqual(lines, [
      'JMSXGroupID:g\\c1\nJMSXGroupSeq:5\n',
      'JMSXGroupID:g\\c1\nJMSXGroupSeq:-1\n',
    ]);
  });

  it('has no NUL in its headers, which would end the frame for the client', () => {
    const message = convertBare((to) => {
      to.describedBy(0x74);
      const start = to.beginMap();
      to.string('bytes');
      to.binary(Uint8Array.of(0, 0xff));
      to.string('text');
      to.string('a\0b');
      to.string('na\0me');
      to.binary(Buffer.from('plain'));
      to.endCompound(start, 6);
    });
    assert.equal(headersOf(message), 'bytes:00ff\ntext:a\ufffdb\nna\ufffdme:plain\n');
  });

  it('has none of the headers that the broker writes itself', () => {
    const message = convertBare((to) => {
      to.describedBy(0x74);
      to.textMap(
        new Map([
          ['content-length', '1'],
          ['destination', '/queue/other'],
          ['ack', '7'],
          ['mine', 'x'],
        ]),
      );
      to.describedBy(0x77);
      to.string('hello');
    });
    assert.equal(headersOf(message), 'mine:x\n');
  });

  const BODIES: readonly (readonly [string, (to: ValueWriter) => void, string])[] = [
    [
      'data',
      (to) => {
        to.describedBy(0x75);
        to.binary(Buffer.from('one '));
        to.describedBy(0x75);
        to.binary(Buffer.from('two'));
      },
      'one two',
    ],
    [
      'a number',
      (to) => {
        to.describedBy(0x77);
        to.value(42);
      },
      '42',
    ],
    [
      'null',
      (to) => {
        to.describedBy(0x77);
        to.null();
      },
      '',
    ],
    [
      'a map',
      (to) => {
        to.describedBy(0x77);
        to.value({ a: [1, true, null] });
      },
      '{"a":[1,true,null]}',
    ],
  ];
  for (const [what, write, expected] of BODIES) {
    it(`has ${what} as its body`, () => {
      const message = convertBare(write);
      assert.equal(bodyOf(message).toString(), expected);
      assert.equal(headersOf(message).includes('application/json'), what === 'a map');
    });
  }

  it('is handed over as it is when nobody can read it: a delivery must not fail', () => {
    const unreadable = Uint8Array.of(0, 0x53, 0x77, 0xa1, 2, 0xc3, 0x28);
    const message = convert(view(amqp, '', unreadable), stomp);
    assert.equal(headersOf(message), 'content-type:application/vnd.amqp\n');
    assert.deepEqual(bodyOf(message), Buffer.from(unreadable));
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        const body = Buffer.concat([Uint8Array.of(0, 0x53, 0x74), bytes]);
        assert.equal(convert(view(amqp, '', body), stomp).contentKind, stomp);
      }),
      { numRuns: 5_000 },
    );
  });
});

it('a temporary topic to reply to stays a topic for STOMP', () => {
  assert.equal(stompDestinationOf('temporary:topic:c0ffee:1'), '/topic/temporary:topic:c0ffee:1');
  assert.equal(stompDestinationOf('temporary:queue:c0ffee:1'), '/queue/temporary:queue:c0ffee:1');
});

it('a message of the same kind is itself', () => {
  const message = view(stomp, '', Buffer.from('x'));
  assert.equal(convert(message, stomp), message);
});

describe('a converted message that is held', () => {
  const data = Buffer.from('some bytes, \u00e4nd a text');
  const messages: [string, DeliveryView, DeliveryView['contentKind']][] = [
    ['a STOMP text', view(stomp, 'a:b\n', data), amqp],
    ['bytes of STOMP', view(stompBytes, 'a:b\n', data), amqp],
    ['STOMP without a body', view(stomp, 'a:b\n', Buffer.alloc(0)), amqp],
    [
      'one data section',
      view(
        amqp,
        '',
        bare((writer) => dataSection(writer, data)),
      ),
      stomp,
    ],
    [
      'two data sections',
      view(
        amqp,
        '',
        bare((writer) => {
          dataSection(writer, data);
          dataSection(writer, data);
        }),
      ),
      stomp,
    ],
    ['no AMQP at all', view(amqp, '', data), stomp],
  ];

  function dataSection(writer: ValueWriter, bytes: Uint8Array): void {
    writer.describedBy(0x75);
    writer.binary(bytes);
  }

  for (const [what, message, kind] of messages) {
    it(`is the same as at once: ${what}`, () => {
      const converted = convert(message, kind);
      const held = converted.hold();
      for (let at = 0; at < converted.bytes.length; at += 1) {
        const bytes = held.from(at, assert.fail) ?? assert.fail();
        assert.ok(bytes.length > 0);
        const inBoth = Math.min(bytes.length, converted.bytes.length - at);
        assert.deepEqual(
          Buffer.from(bytes.subarray(0, inBoth)),
          Buffer.from(converted.bytes.subarray(at, at + inBoth)),
        );
      }
      held.release();
    });
  }
});
