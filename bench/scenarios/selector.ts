/** How long a consumer takes to find the few messages that its selector wants, and what that costs others. */

import { setTimeout as sleep } from 'node:timers/promises';
import { connectStomp, type StompClient } from '../../src/client/stomp-client.js';
import { nodeClock } from '../../src/platform/node/clock.js';
import { NodeNetwork } from '../../src/platform/node/network.js';
import type { HostPort } from '../../src/platform/ports.js';
import { numberText } from '../report.js';
import { Samples } from '../samples.js';
import { figure, type Measurement, type Scenario, type ScenarioContext } from '../scenario.js';

const MESSAGES = 200_000;
/** One of so many matches. */
const MATCHING_EVERY = 100;
const BODY_BYTES = 1_024;
/** So many are sent between two receipts. */
const CHUNK = 1_000;
const PAUSE_MS = 2;
const QUIET_MS = 2_000;

export const selector: Scenario = {
  name: 'selector',
  describe: '200,000 messages of 1 KiB wait in a queue, and a selector matches 1 % of them',
  target: 'its 2,000 in under a second, and others are not slowed',
  onlyWhenNamed: false,
  async run(context) {
    const { runs } = context.options;
    const measurements: Measurement[] = [];
    for (let run = 1; run <= (runs ?? 1); run += 1) measurements.push(await measure(context, run));
    return measurements;
  },
};

async function measure(context: ScenarioContext, run: number): Promise<Measurement> {
  const site = await context.createSite(['a']);
  const [address] = site.addresses as [HostPort];
  const messages = context.options.messages ?? MESSAGES;
  const other = new OtherClient(await connect(address), context);
  const client = await connect(address);
  context.onEnd(() => other.stop());
  await fill(context, client, messages);
  context.progress('others alone');
  void other.run();
  await sleep(QUIET_MS);
  const alone = other.take();
  context.progress('selecting');
  const wanted = Math.floor(messages / MATCHING_EVERY);
  const tookMs = await timeOfAll(await connect(address), wanted);
  const during = other.take();
  await other.stop();
  await site.stop();
  return {
    name: `run ${run}`,
    figures: [
      figure('selectedMs', `${numberText(wanted, 0)} of ${numberText(messages, 0)} in ms`, tookMs),
      figure('aloneP50Ms', 'others alone p50 ms', alone.percentile(0.5), 2),
      figure('duringP50Ms', 'meanwhile p50 ms', during.percentile(0.5), 2),
      figure('aloneP99Ms', 'others alone p99 ms', alone.percentile(0.99), 2),
      figure('duringP99Ms', 'meanwhile p99 ms', during.percentile(0.99), 2),
    ],
    // Each of them was counted, and what does not match would have been too many.
    ledger: null,
  };
}

async function fill(
  context: ScenarioContext,
  client: StompClient,
  messages: number,
): Promise<void> {
  const destination = '/queue/selected';
  const body = 'x'.repeat(context.options.bodyBytes ?? BODY_BYTES);
  for (let number = 1; number <= messages; number += 1) {
    const headers = { color: number % MATCHING_EVERY === 0 ? 'red' : 'blue' };
    if (number % CHUNK > 0 && number < messages) {
      client.sendUnconfirmed({ destination, body, headers });
      continue;
    }
    await client.send({ destination, body, headers });
    context.progress(`${numberText(number, 0)} of ${numberText(messages, 0)} sent`);
  }
}

/** Milliseconds from SUBSCRIBE to the last message that matches. */
async function timeOfAll(client: StompClient, wanted: number): Promise<number> {
  const startMs = performance.now();
  let received = 0;
  let resolveAll: (endMs: number) => void = () => undefined;
  const all = new Promise<number>((resolve) => {
    resolveAll = resolve;
  });
  await client.subscribe({
    destination: '/queue/selected',
    ack: 'auto',
    headers: { selector: "color = 'red'" },
    onMessage: () => {
      received += 1;
      if (received === wanted) resolveAll(performance.now());
    },
  });
  const endMs = await all;
  await client.disconnect();
  return endMs - startMs;
}

/** Somebody who has nothing to do with the queue: sends to another one, one message at a time. */
class OtherClient {
  readonly #client: StompClient;
  readonly #context: ScenarioContext;
  #latencies = new Samples();
  #isRunning = true;

  constructor(client: StompClient, context: ScenarioContext) {
    this.#client = client;
    this.#context = context;
  }

  async run(): Promise<void> {
    try {
      while (this.#isRunning) {
        const sentMs = performance.now();
        await this.#client.send({ destination: '/queue/other', body: 'other' });
        this.#latencies.add(performance.now() - sentMs);
        await sleep(PAUSE_MS);
      }
    } catch (error) {
      if (this.#isRunning) this.#context.fail(error as Error);
    }
  }

  /** What was measured since the last call. */
  take(): Samples {
    const taken = this.#latencies;
    this.#latencies = new Samples();
    return taken;
  }

  async stop(): Promise<void> {
    if (!this.#isRunning) return;
    this.#isRunning = false;
    await this.#client.disconnect();
  }
}

function connect(address: HostPort): Promise<StompClient> {
  const network = new NodeNetwork((error) => {
    throw error;
  });
  return connectStomp([address], {
    network,
    clock: nodeClock,
    connectTimeoutMs: 5_000,
    heartbeatMs: 0,
  });
}
