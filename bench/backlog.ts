/** Filling a queue, and emptying it again to see that everything is there. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { HostPort } from '../src/platform/ports.js';
import type { Ledger } from './ledger.js';
import { Consumer, Producer } from './load.js';
import { numberText } from './report.js';
import type { ScenarioContext } from './scenario.js';

const PRODUCERS = 8;
const WINDOW = 200;
const CONSUMERS = 4;
const PREFETCH = 1_000;
const LOOK_MS = 200;
/** Nothing came for so long: nothing will. */
const IDLE_LIMIT_MS = 10_000;

export interface BacklogOptions {
  readonly context: ScenarioContext;
  readonly addresses: readonly HostPort[];
  readonly queue: string;
  readonly bodyBytes: number;
  readonly ledger: Ledger;
}

/** Sends `messages` confirmed messages, by producers 0 to 7. */
export async function fill(options: BacklogOptions & { readonly messages: number }): Promise<void> {
  const { context, messages } = options;
  const producers = Array.from(
    { length: PRODUCERS },
    (_, producer) =>
      new Producer({
        ...options,
        client: context.client,
        fail: context.fail,
        reconnects: false,
        producer,
        window: WINDOW,
        latencies: null,
      }),
  );
  context.onEnd(() => {
    for (const producer of producers) producer.close();
  });
  const filled = Promise.all(
    producers.map((one, index) => one.sendUntil(Math.floor((messages + index) / PRODUCERS))),
  ).then((): true => true);
  while (!(await isDoneWithin(filled, LOOK_MS))) {
    const confirmed = producers.reduce((sum, producer) => sum + producer.confirmed, 0);
    context.progress(`${numberText(confirmed, 0)} of ${numberText(messages, 0)} sent`);
  }
  for (const producer of producers) producer.close();
}

/** Receives and acknowledges until the ledger has `messages` different ones, or nothing comes any more. */
export async function drain(
  options: BacklogOptions & { readonly messages: number },
): Promise<void> {
  const { context, ledger, messages } = options;
  const consumers = Array.from(
    { length: CONSUMERS },
    () =>
      new Consumer({
        ...options,
        client: context.client,
        fail: context.fail,
        reconnects: false,
        prefetch: PREFETCH,
        takes: () => true,
      }),
  );
  context.onEnd(() => {
    for (const consumer of consumers) consumer.abandon();
  });
  await untilReceived(context, ledger, messages);
  await Promise.all(consumers.map((consumer) => consumer.close()));
}

/** Ends too when nothing has come for a while: what is missing is then found in the ledger. */
export async function untilReceived(
  context: ScenarioContext,
  ledger: Ledger,
  messages: number,
): Promise<void> {
  let before = ledger.received;
  let changedAtMs = performance.now();
  while (ledger.received < messages) {
    await sleep(LOOK_MS);
    const { received } = ledger;
    context.progress(`${numberText(received, 0)} of ${numberText(messages, 0)} received`);
    if (received !== before) changedAtMs = performance.now();
    else if (performance.now() - changedAtMs > IDLE_LIMIT_MS) return;
    before = received;
  }
}

function isDoneWithin(done: Promise<true>, limitMs: number): Promise<boolean> {
  return Promise.race([done, sleep(limitMs, false)]);
}
