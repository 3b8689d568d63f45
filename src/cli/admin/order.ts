/** An order for many messages, asked for in portions, so that its progress is seen and Ctrl-C ends it between two. */

import type { QueueFacts } from '../../broker/facts.js';
import type { ActionOutcome, MessageCopy } from '../../broker/management-api.js';
import { progressBar } from '../progress.js';
import { messagesProgressLine } from '../text.js';
import type { AdminClient } from './admin-client.js';

const PORTION = 10_000;

export interface Order {
  readonly queue: string;
  readonly kind: 'purge' | 'expire' | 'retry' | 'move' | 'copy';
  readonly to?: string;
  readonly ids?: readonly number[];
  readonly filter?: string;
  /** Infinity for all. */
  readonly limit: number;
}

/** `copies`: of each portion the first thousand, as the node tells them. */
export interface OrderResult extends Pick<ActionOutcome, 'done' | 'skipped' | 'reason' | 'copies'> {
  /** It ended before its end, for want of room. */
  readonly isStuck: boolean;
}

export async function carryOut(admin: AdminClient, order: Order): Promise<OrderResult> {
  const { queue, kind, limit, ...rest } = order;
  const { messages } = await admin.call<QueueFacts>('GET', ['queues', queue]);
  const total = Math.min(limit, rest.ids?.length ?? messages);
  const progress = progressBar(messagesProgressLine);
  let done = 0;
  let skipped = 0;
  let reason: string | null = null;
  const copies: MessageCopy[] = [];
  let place: { after?: number; upTo?: number } = {};
  try {
    for (;;) {
      const portion = Math.min(PORTION, limit - done);
      const body = { ...rest, ...place, limit: portion };
      const outcome = await admin.call<ActionOutcome>('POST', ['queues', queue, kind], { body });
      done += outcome.done;
      skipped += outcome.skipped;
      reason ??= outcome.reason;
      copies.push(...outcome.copies);
      place = { after: outcome.after, upTo: outcome.upTo };
      progress.show(done, total);
      const isStuck = !outcome.isComplete && outcome.done < portion;
      if (isStuck) reason = outcome.reason;
      if (outcome.isComplete || isStuck || done >= limit) {
        return { done, skipped, reason, copies, isStuck };
      }
    }
  } finally {
    progress.clear();
  }
}
