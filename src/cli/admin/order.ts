/** An order for many messages, asked for in portions, so that its progress is seen and Ctrl-C ends it between two. */

import type { QueueFacts } from '../../broker/facts.js';
import type { ActionOutcome } from '../../broker/management-api.js';
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

export interface OrderResult {
  readonly done: number;
  readonly skipped: number;
}

export async function carryOut(admin: AdminClient, order: Order): Promise<OrderResult> {
  const { queue, kind, limit, ...rest } = order;
  const { messages } = await admin.call<QueueFacts>('GET', ['queues', queue]);
  const total = Math.min(limit, rest.ids?.length ?? messages);
  const progress = progressBar(messagesProgressLine);
  let done = 0;
  let skipped = 0;
  let place: { after?: number; upTo?: number } = {};
  try {
    for (;;) {
      const body = { ...rest, ...place, limit: Math.min(PORTION, limit - done) };
      const outcome = await admin.call<ActionOutcome>('POST', ['queues', queue, kind], { body });
      done += outcome.done;
      skipped += outcome.skipped;
      place = { after: outcome.after, upTo: outcome.upTo };
      progress.show(done, total);
      if (outcome.isComplete || done >= limit) return { done, skipped };
    }
  } finally {
    progress.clear();
  }
}
