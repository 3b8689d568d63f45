/** One message at a time, beside what the same file system takes for one plain synchronous write. */

import { join } from 'node:path';
import { DiskProbe } from '../disk-probe.js';
import { Ledger } from '../ledger.js';
import { Producer } from '../load.js';
import { Samples } from '../samples.js';
import { figure, type Measurement, type Scenario, type ScenarioContext } from '../scenario.js';

const SECONDS = 20;
/** Writes, and then messages, in turn: what else the machine does then falls on both. */
const ROUND_COUNT = 200;
const WARM_UP_ROUNDS = 5;
const BODY_BYTES = 1024;

export const latency: Scenario = {
  name: 'latency',
  describe: 'One producer, one unconfirmed message, beside a plain 4 KiB synchronous write',
  target: 'the median of SEND to RECEIPT at most 2 times the median of the write',
  onlyWhenNamed: false,
  async run(context) {
    return [
      await measure(context, 'one node', ['a']),
      await measure(context, 'with a backup', ['a', 'b']),
    ];
  },
};

async function measure(
  context: ScenarioContext,
  name: string,
  nodeNames: readonly string[],
): Promise<Measurement> {
  const site = await context.createSite(nodeNames);
  const probe = new DiskProbe(join(site.store, 'plain-write'));
  context.onEnd(() => probe.close());
  const writes = new Samples();
  const confirmations = new Samples();
  const producer = new Producer({
    client: context.client,
    addresses: site.addresses.slice(0, 1),
    reconnects: false,
    fail: context.fail,
    producer: 0,
    queue: 'latency',
    bodyBytes: context.options.bodyBytes ?? BODY_BYTES,
    window: 1,
    ledger: new Ledger({ checksOrder: false }),
    latencies: confirmations,
  });
  context.onEnd(() => producer.close());
  const seconds = context.options.seconds ?? SECONDS;
  let startedAtMs = performance.now();
  for (let round = 0; performance.now() - startedAtMs < seconds * 1_000; round += 1) {
    if (round === WARM_UP_ROUNDS) {
      writes.clear();
      confirmations.clear();
      startedAtMs = performance.now();
    }
    context.progress(`${name}, round ${round + 1}`);
    probe.measure(ROUND_COUNT, writes);
    await producer.sendUntil(producer.confirmed + ROUND_COUNT);
  }
  producer.close();
  await site.stop();
  const ratio = confirmations.percentile(0.5) / writes.percentile(0.5);
  return {
    name,
    figures: [
      figure('confirmationP50Ms', 'confirmation p50 ms', confirmations.percentile(0.5), 3),
      figure('confirmationP99Ms', 'p99 ms', confirmations.percentile(0.99), 3),
      figure('writeP50Ms', 'write p50 ms', writes.percentile(0.5), 3),
      figure('writeP99Ms', 'p99 ms', writes.percentile(0.99), 3),
      figure('ratio', 'ratio of p50', ratio, 2),
      figure('count', 'of each', confirmations.count),
    ],
    ledger: null,
  };
}
