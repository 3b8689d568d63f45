/** How many small messages a second go in, when nobody takes them out. */

import { setTimeout as sleep } from 'node:timers/promises';
import { plainWriteP50Ms } from '../disk-probe.js';
import { Ledger } from '../ledger.js';
import { Producer } from '../load.js';
import { cpuSecondsOf } from '../process-figures.js';
import { numberText } from '../report.js';
import { Samples } from '../samples.js';
import { figure, type Measurement, type Scenario, type ScenarioContext } from '../scenario.js';

const PRODUCERS = 8;
const WINDOW = 500;
const BODY_BYTES = 100;
const WARM_UP_MS = 3_000;
const SECONDS = 10;

export const fill: Scenario = {
  name: 'fill',
  describe: '8 producers with 500 unconfirmed messages of 100 bytes each, no consumers, one queue',
  target: '150,000 confirmed per second on two cores',
  onlyWhenNamed: false,
  async run(context) {
    return [await measure(context)];
  },
};

async function measure(context: ScenarioContext): Promise<Measurement> {
  const site = await context.createSite(['a']);
  const ledger = new Ledger({ checksOrder: false });
  const latencies = new Samples();
  const producers = Array.from(
    { length: PRODUCERS },
    (_, producer) =>
      new Producer({
        client: context.client,
        addresses: site.addresses,
        reconnects: false,
        fail: context.fail,
        producer,
        queue: 'fill',
        bodyBytes: context.options.bodyBytes ?? BODY_BYTES,
        window: WINDOW,
        ledger,
        latencies,
      }),
  );
  context.onEnd(() => {
    for (const producer of producers) producer.close();
  });
  const totals = () => ({
    atMs: performance.now(),
    confirmed: producers.reduce((sum, { confirmed }) => sum + confirmed, 0),
    brokerCpuSeconds: cpuSecondsOf(site.nodes[0]?.pid ?? 0),
    loadCpuSeconds: cpuSecondsOf(process.pid),
  });
  for (const producer of producers) void producer.sendUntil(Number.POSITIVE_INFINITY);
  context.progress('warming up');
  await sleep(WARM_UP_MS);
  latencies.clear();
  const from = totals();
  for (let second = 0; second < (context.options.seconds ?? SECONDS); second += 1) {
    await sleep(1_000);
    context.progress(`${numberText(totals().confirmed, 0)} confirmed`);
  }
  const to = totals();
  await Promise.all(producers.map((producer) => producer.stop()));
  for (const producer of producers) producer.close();
  await site.stop();
  const seconds = (to.atMs - from.atMs) / 1_000;
  const confirmed = to.confirmed - from.confirmed;
  const microseconds = (key: 'brokerCpuSeconds' | 'loadCpuSeconds'): number =>
    ((to[key] - from[key]) * 1e6) / confirmed;
  return {
    name: 'one node',
    figures: [
      figure('confirmedPerSecond', 'confirmed/s', confirmed / seconds),
      figure('confirmationP50Ms', 'p50 ms', latencies.percentile(0.5), 2),
      figure('confirmationP99Ms', 'p99 ms', latencies.percentile(0.99), 2),
      figure('seconds', 'seconds', seconds, 1),
      figure(
        'brokerCpuMicrosecondsPerMessage',
        'broker CPU us/message',
        microseconds('brokerCpuSeconds'),
        2,
      ),
      figure(
        'loadCpuMicrosecondsPerMessage',
        'load CPU us/message',
        microseconds('loadCpuSeconds'),
        2,
      ),
      figure('writeP50Ms', 'plain write p50 ms', plainWriteP50Ms(site.store), 3),
    ],
    // Nothing was received, so that there is nothing to compare.
    ledger: null,
  };
}
