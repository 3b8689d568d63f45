/** How many messages a second go in, are confirmed, and come out again. */

import { setTimeout as sleep } from 'node:timers/promises';
import { untilReceived } from '../backlog.js';
import { plainWriteP50Ms } from '../disk-probe.js';
import { Ledger } from '../ledger.js';
import { Consumer, Producer } from '../load.js';
import { cpuSecondsOf } from '../process-figures.js';
import { numberText } from '../report.js';
import { Samples } from '../samples.js';
import {
  type Figure,
  figure,
  type Measurement,
  type Scenario,
  type ScenarioContext,
} from '../scenario.js';
import type { Site } from '../site.js';

const CLIENTS = 8;
const WINDOW = 100;
const PREFETCH = 1_000;
const BODY_BYTES = 1024;
const WARM_UP_MS = 5_000;
const SECONDS = 20;
const QUEUE = 'throughput';

export const throughput: Scenario = {
  name: 'throughput',
  describe: '8 producers with 100 unconfirmed messages of 1 KiB each, 8 consumers, one queue',
  target: '60,000 confirmed and consumed per second on two cores',
  onlyWhenNamed: false,
  async run(context) {
    return [
      await measure(context, 'one node', ['a']),
      await measure(context, 'with a backup', ['a', 'b']),
    ];
  },
};

interface Load {
  readonly producers: readonly Producer[];
  readonly consumers: readonly Consumer[];
  readonly latencies: Samples;
  readonly ledger: Ledger;
}

interface Totals {
  readonly atMs: number;
  readonly confirmed: number;
  readonly consumed: number;
  readonly brokerCpuSeconds: number;
  readonly backupCpuSeconds: number;
  readonly loadCpuSeconds: number;
}

async function measure(
  context: ScenarioContext,
  name: string,
  nodeNames: readonly string[],
): Promise<Measurement> {
  const site = await context.createSite(nodeNames);
  const load = startLoad(context, site);
  context.progress(`${name}, warming up`);
  await sleep(WARM_UP_MS);
  load.latencies.clear();
  const from = totals(site, load);
  const seconds = context.options.seconds ?? SECONDS;
  for (let second = 0; second < seconds; second += 1) {
    await sleep(1_000);
    const { confirmed, atMs } = totals(site, load);
    const rate = ((confirmed - from.confirmed) / (atMs - from.atMs)) * 1_000;
    context.progress(`${name}, ${numberText(rate, 0)} confirmed per second`);
  }
  const to = totals(site, load);
  const figures = figuresOf(from, to, load.latencies);
  await Promise.all(load.producers.map((producer) => producer.stop()));
  await untilReceived(context, load.ledger, load.ledger.summary().confirmed);
  await Promise.all(load.consumers.map((consumer) => consumer.close()));
  for (const producer of load.producers) producer.close();
  await site.stop();
  const writeMs = plainWriteP50Ms(site.store);
  figures.push(figure('writeP50Ms', 'plain write p50 ms', writeMs, 3));
  return { name, figures, ledger: load.ledger.summary() };
}

function startLoad(context: ScenarioContext, site: Site): Load {
  const ledger = new Ledger({ checksOrder: false });
  const latencies = new Samples();
  const shared = {
    client: context.client,
    addresses: site.addresses.slice(0, 1),
    reconnects: false,
    fail: context.fail,
    queue: QUEUE,
    bodyBytes: context.options.bodyBytes ?? BODY_BYTES,
    ledger,
  };
  const consumers = Array.from(
    { length: CLIENTS },
    () => new Consumer({ ...shared, prefetch: PREFETCH, takes: () => true }),
  );
  const producers = Array.from(
    { length: CLIENTS },
    (_, producer) => new Producer({ ...shared, producer, window: WINDOW, latencies }),
  );
  for (const producer of producers) void producer.sendUntil(Number.POSITIVE_INFINITY);
  context.onEnd(() => {
    for (const producer of producers) producer.close();
    for (const consumer of consumers) consumer.abandon();
  });
  return { producers, consumers, latencies, ledger };
}

function totals(site: Site, load: Load): Totals {
  const [broker, backup] = site.nodes;
  const { user, system } = process.cpuUsage();
  return {
    atMs: performance.now(),
    confirmed: load.producers.reduce((sum, { confirmed }) => sum + confirmed, 0),
    consumed: load.consumers.reduce((sum, { consumed }) => sum + consumed, 0),
    brokerCpuSeconds: broker === undefined ? 0 : cpuSecondsOf(broker.pid),
    backupCpuSeconds: backup === undefined ? 0 : cpuSecondsOf(backup.pid),
    loadCpuSeconds: (user + system) / 1e6,
  };
}

function figuresOf(from: Totals, to: Totals, latencies: Samples): Figure[] {
  const seconds = (to.atMs - from.atMs) / 1_000;
  const perSecond = (key: keyof Totals): number => (to[key] - from[key]) / seconds;
  const brokerCpuSeconds = to.brokerCpuSeconds - from.brokerCpuSeconds;
  const cpuPerMessage = (brokerCpuSeconds * 1e6) / (to.consumed - from.consumed);
  return [
    figure('confirmedPerSecond', 'confirmed/s', perSecond('confirmed')),
    figure('consumedPerSecond', 'consumed/s', perSecond('consumed')),
    figure('confirmationP50Ms', 'p50 ms', latencies.percentile(0.5), 2),
    figure('confirmationP99Ms', 'p99 ms', latencies.percentile(0.99), 2),
    figure('seconds', 'seconds', seconds, 1),
    figure('brokerCpuMicrosecondsPerMessage', 'broker CPU us/message', cpuPerMessage, 1),
    figure('brokerCpuSeconds', 'broker CPU s', brokerCpuSeconds, 1),
    figure('backupCpuSeconds', 'backup CPU s', to.backupCpuSeconds - from.backupCpuSeconds, 1),
    figure('loadCpuSeconds', 'load CPU s', to.loadCpuSeconds - from.loadCpuSeconds, 1),
  ];
}
