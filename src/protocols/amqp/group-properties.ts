/** What a message says of its group, among its properties (OASIS AMQP 1.0, part 3, 3.2.4). Few messages have one. */
import { AmqpError, CONDITION } from './amqp-error.js';
import { ValueReader } from './value-reader.js';

/** message-id to creation-time. */
const PROPERTIES_BEFORE = 10;

export class GroupProperties {
  groupId: string | null = null;
  closesGroup = false;
  private readonly reader = new ValueReader(new Uint8Array(0));

  /** Of the list of properties that lies in `bytes` from `start` to `end`. Throws an error of the link for what can be no group. */
  read(bytes: Uint8Array, start: number, end: number): void {
    this.groupId = null;
    this.closesGroup = false;
    try {
      this.decode(bytes, start, end);
    } catch (error) {
      if (!(error instanceof AmqpError)) throw error;
      throw new AmqpError(
        'link',
        CONDITION.invalidField,
        `The properties up to group-id, a string, and group-sequence, a uint, cannot be decoded: ${error.message}`,
      );
    }
  }

  private decode(bytes: Uint8Array, start: number, end: number): void {
    const { reader } = this;
    reader.open(bytes, start, end);
    const count = reader.openList();
    if (count <= PROPERTIES_BEFORE) return;
    for (let index = 0; index < PROPERTIES_BEFORE; index += 1) reader.skip();
    this.groupId = reader.string();
    const sequence = count > PROPERTIES_BEFORE + 1 ? reader.uint() : null;
    this.closesGroup = sequence !== null && signedSequence(sequence) < 0;
  }
}

/** A group-sequence as JMS has it, JMSXGroupSeq: an int, whose negative numbers are the uints from 2^31 on. */
export function signedSequence(sequence: number): number {
  return sequence | 0;
}

/** The uint for a JMSXGroupSeq; null for what is no int. */
export function unsignedSequence(sequence: string): number | null {
  const value = Number(sequence);
  return /^-?\d{1,10}$/.test(sequence) && value === (value | 0) ? value >>> 0 : null;
}
