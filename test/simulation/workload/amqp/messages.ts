/** Messages of the ledger as AMQP messages (OASIS AMQP 1.0, part 3, 3.2), and what came as the ledger knows it. */
import {
  AMQP_VALUE,
  APPLICATION_PROPERTIES,
  DATA,
  PROPERTIES,
} from '../../../../src/protocols/amqp/bare-message.js';
import { readFields, writeComposite } from '../../../../src/protocols/amqp/composite.js';
import { SECTION, sectionCode } from '../../../../src/protocols/amqp/message-sections.js';
import { type AmqpValue, ValueReader } from '../../../../src/protocols/amqp/value-reader.js';
import { ValueWriter } from '../../../../src/protocols/amqp/value-writer.js';
import type { SeededRandom } from '../../kernel/random.js';
import type { DeliveredFrame } from '../delivery-rules.js';
import type { Copy } from '../ledger-records.js';

/** Of what came by STOMP: the id that the broker gave it. */
const BROKER_ID = /^ID:(\d+)$/;

/** `to`: where it goes, when its link does not say so. */
export function encodeMessage(copy: Copy, to: string | null, random: SeededRandom): Uint8Array {
  const writer = new ValueWriter();
  writer.describedBy(SECTION.header);
  const header = writer.beginList();
  writer.boolean(copy.isDurable);
  writer.endCompound(header, 1);
  if (random.chance(0.2)) {
    writer.describedBy(SECTION.messageAnnotations);
    writer.value({ 'x-opt-copy': copy.number });
  }
  if (to !== null) writeComposite(writer, PROPERTIES, { messageId: copy.message, to });
  const properties = new Map([['copy', String(copy.number)]]);
  if (copy.duplicateId !== null) properties.set('_AMQ_DUPL_ID', copy.duplicateId);
  writer.describedBy(APPLICATION_PROPERTIES);
  writer.textMap(properties);
  writeBody(writer, copy.body, random);
  return writer.written.slice();
}

function writeBody(writer: ValueWriter, body: Uint8Array, random: SeededRandom): void {
  if (random.chance(0.2)) {
    writer.describedBy(AMQP_VALUE);
    writer.binary(body);
    return;
  }
  const cut = random.chance(0.2) ? random.whole(0, body.length) : body.length;
  for (const part of [body.subarray(0, cut), body.subarray(cut)]) {
    if (part.length === 0) continue;
    writer.describedBy(DATA);
    writer.binary(part);
  }
}

export function decodeMessage(bytes: Uint8Array): DeliveredFrame {
  const reader = new ValueReader(bytes);
  let expiresAtMs = 0;
  let isRedelivered = false;
  let messageId = 0;
  let copyNumber = Number.NaN;
  const parts: Uint8Array[] = [];
  while (!reader.isAtEnd) {
    switch (sectionCode(reader)) {
      case SECTION.header: {
        const [, , ttl, isFirst] = reader.value() as readonly AmqpValue[];
        if (ttl !== null) expiresAtMs = Number.NaN;
        isRedelivered = isFirst !== true;
        break;
      }
      case SECTION.properties: {
        const id = readFields(reader, PROPERTIES).messageId;
        messageId = Number(BROKER_ID.exec(String(id))?.[1] ?? 0);
        break;
      }
      case SECTION.applicationProperties:
        copyNumber = Number((reader.value() as ReadonlyMap<AmqpValue, AmqpValue>).get('copy'));
        break;
      case SECTION.data:
        parts.push(reader.binary() as Uint8Array);
        break;
      case SECTION.amqpValue:
        parts.push(bytesOf(reader.value()));
        break;
      default:
        reader.skip();
    }
  }
  return { copyNumber, messageId, isRedelivered, expiresAtMs, body: Buffer.concat(parts) };
}

function bytesOf(value: AmqpValue): Uint8Array {
  return typeof value === 'string' ? Buffer.from(value) : (value as Uint8Array);
}
