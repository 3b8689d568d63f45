/** How many messages a second go in, are confirmed, and come out again. */

import { setTimeout as sleep } from 'node:timers/promises';
import { untilReceived } from '../backlog.js';
import type { BrokerProcess } from '../broker-process.js';
import { plainWriteP50Ms } from '../disk-probe.js';
import { JmsLoad, qpidJmsClient } from '../jms-load.js';
import { Ledger, type LedgerSummary } from '../ledger.js';
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
/** A load with a given rate sends what is due so often. */
const PACE_MS = 5;
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
  readonly confirmed: number;
  readonly consumed: number;
  cpuSeconds(): number;
  /** Resolves when all that was sent is confirmed and has arrived. */
  finish(): Promise<LedgerSummary>;
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
  const latencies = new Samples();
  const load = await startLoad(context, site, latencies);
  context.progress(`${name}, warming up`);
  await sleep(WARM_UP_MS);
  latencies.clear();
  const from = totals(site, load);
  const seconds = context.options.seconds ?? SECONDS;
  for (let second = 0; second < seconds; second += 1) {
    await sleep(1_000);
    const { confirmed, atMs } = totals(site, load);
    const rate = ((confirmed - from.confirmed) / (atMs - from.atMs)) * 1_000;
    context.progress(`${name}, ${numberText(rate, 0)} confirmed per second`);
  }
  const to = totals(site, load);
  const figures = figuresOf(from, to, latencies);
  const ledger = await load.finish();
  await site.stop();
  const writeMs = plainWriteP50Ms(site.store);
  figures.push(figure('writeP50Ms', 'plain write p50 ms', writeMs, 3));
  return { name, figures, ledger };
}

async function startLoad(context: ScenarioContext, site: Site, latencies: Samples): Promise<Load> {
  if (context.client !== qpidJmsClient) return new OwnLoad(context, site, latencies);
  const { fail, options } = context;
  const load = await JmsLoad.start({
    address: (site.nodes[0] as BrokerProcess).address,
    queue: QUEUE,
    clients: CLIENTS,
    window: WINDOW,
    bodyBytes: options.bodyBytes ?? BODY_BYTES,
    fail,
  });
  context.onEnd(() => load.close());
  return load;
}

/** Producers and consumers in this process. */
export class OwnLoad implements Load {
  readonly #context: ScenarioContext;
  readonly #ledger = new Ledger({ checksOrder: false });
  readonly #producers: readonly Producer[];
  readonly #consumers: readonly Consumer[];
  #pace: NodeJS.Timeout | undefined;

  /** `perSecond`: of all producers; null for as many as the broker takes. */
  constructor(
    context: ScenarioContext,
    site: Site,
    latencies: Samples,
    perSecond: number | null = null,
  ) {
    this.#context = context;
    const shared = {
      client: context.client,
      addresses: site.addresses.slice(0, 1),
      reconnects: false,
      fail: context.fail,
      queue: QUEUE,
      bodyBytes: context.options.bodyBytes ?? BODY_BYTES,
      ledger: this.#ledger,
    };
    const numbers = Array.from({ length: CLIENTS }, (_, number) => number);
    this.#consumers = numbers.map(
      () => new Consumer({ ...shared, prefetch: PREFETCH, takes: () => true }),
    );
    this.#producers = numbers.map(
      (producer) => new Producer({ ...shared, producer, window: WINDOW, latencies }),
    );
    if (perSecond === null) this.#sendUntil(Number.POSITIVE_INFINITY);
    else this.#sendEvenly(perSecond / CLIENTS);
    context.onEnd(() => {
      clearInterval(this.#pace);
      for (const producer of this.#producers) producer.close();
      for (const consumer of this.#consumers) consumer.abandon();
    });
  }

  get confirmed(): number {
    return this.#producers.reduce((sum, { confirmed }) => sum + confirmed, 0);
  }

  get consumed(): number {
    return this.#consumers.reduce((sum, { consumed }) => sum + consumed, 0);
  }

  cpuSeconds(): number {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  }

  #sendUntil(limit: number): void {
    for (const producer of this.#producers) void producer.sendUntil(limit);
  }

  #sendEvenly(perSecond: number): void {
    const beganMs = performance.now();
    this.#pace = setInterval(() => {
      this.#sendUntil(Math.floor(((performance.now() - beganMs) / 1_000) * perSecond));
    }, PACE_MS);
  }

  async finish(): Promise<LedgerSummary> {
    clearInterval(this.#pace);
    await Promise.all(this.#producers.map((producer) => producer.stop()));
    await untilReceived(this.#context, this.#ledger, this.#ledger.summary().confirmed);
    await Promise.all(this.#consumers.map((consumer) => consumer.close()));
    for (const producer of this.#producers) producer.close();
    return this.#ledger.summary();
  }
}

function totals(site: Site, load: Load): Totals {
  const [broker, backup] = site.nodes;
  return {
    atMs: performance.now(),
    confirmed: load.confirmed,
    consumed: load.consumed,
    brokerCpuSeconds: broker === undefined ? 0 : cpuSecondsOf(broker.pid),
    backupCpuSeconds: backup === undefined ? 0 : cpuSecondsOf(backup.pid),
    loadCpuSeconds: load.cpuSeconds(),
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
    ...confirmationFigures(latencies),
    figure('seconds', 'seconds', seconds, 1),
    figure('brokerCpuMicrosecondsPerMessage', 'broker CPU us/message', cpuPerMessage, 1),
    figure('brokerCpuSeconds', 'broker CPU s', brokerCpuSeconds, 1),
    figure('backupCpuSeconds', 'backup CPU s', to.backupCpuSeconds - from.backupCpuSeconds, 1),
    figure('loadCpuSeconds', 'load CPU s', to.loadCpuSeconds - from.loadCpuSeconds, 1),
  ];
}

/** None, when the load does not tell. */
function confirmationFigures(latencies: Samples): readonly Figure[] {
  if (latencies.count === 0) return [];
  return [
    figure('confirmationP50Ms', 'p50 ms', latencies.percentile(0.5), 2),
    figure('confirmationP99Ms', 'p99 ms', latencies.percentile(0.99), 2),
  ];
}
