/** What becomes of a message for a full queue that does not hold its producers back. */
import { HoldfastError } from '../platform/errors.js';
import type { Drops } from './drops.js';
import type { FlowControl } from './flow-control.js';
import type { PreparedMessage } from './prepared-message.js';
import type { Queue } from './queue.js';

interface Amount {
  readonly messages: number;
  readonly bytes: number;
}

const NOTHING: Amount = { messages: 0, bytes: 0 };

export class FullQueues {
  private readonly flow: FlowControl;
  private readonly dropNotes: Drops;

  constructor(flow: FlowControl, drops: Drops) {
    this.flow = flow;
    this.dropNotes = drops;
  }

  /** What subscribers of a topic have waiting in memory has a limit of its own. */
  static mayRefuse(queue: Queue): boolean {
    return queue.settings.whenFull !== 'block' && !queue.isBacklog;
  }

  /** Throws LIMIT_EXCEEDED when the queue rejects a message that comes after `planned` others. */
  requireRoom(queue: Queue, planned = NOTHING): void {
    const { destination, settings } = queue;
    if (settings.whenFull !== 'reject' || queue.isBacklog) return;
    if (!this.flow.isFull(queue, planned.messages, planned.bytes)) return;
    const what = destination.kind === 'queue' ? 'Queue' : 'A durable subscription to topic';
    throw new HoldfastError(
      'LIMIT_EXCEEDED',
      `${what} "${destination.name}" is full and rejects messages: ${settings.maxMessages} messages or ` +
        `${settings.maxBytes} bytes are allowed; send again later, or raise maxMessages and maxBytes in addresses.`,
    );
  }

  /** Whether the queue goes without a message; it is counted. */
  drops(queue: Queue): boolean {
    if (queue.settings.whenFull !== 'drop' || queue.isBacklog || !this.flow.isFull(queue)) {
      return false;
    }
    this.dropNotes.dropped(queue, 'full');
    return true;
  }
}

/** What a transaction is about to put into each queue. */
export class PlannedMessages {
  private readonly amounts = new Map<Queue, Amount>();
  private readonly ids = new Set<string>();

  /** Whether the transaction has a durable message with the same id before it. */
  isAgain({ destination, durable, duplicateKey }: PreparedMessage): boolean {
    if (duplicateKey === null) return false;
    const id = `${destination.kind}/${destination.name}/${duplicateKey}`;
    if (this.ids.has(id)) return true;
    if (durable) this.ids.add(id);
    return false;
  }

  of(queue: Queue): Amount {
    return this.amounts.get(queue) ?? NOTHING;
  }

  add(queue: Queue, bytes: number): void {
    const before = this.of(queue);
    this.amounts.set(queue, { messages: before.messages + 1, bytes: before.bytes + bytes });
  }
}
