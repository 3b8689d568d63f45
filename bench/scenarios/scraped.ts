/** What monitoring costs: the throughput load with and without scrapes and consoles, in pairs. */

import { setTimeout as sleep } from 'node:timers/promises';
import { connectStomp } from '../../src/client/stomp-client.js';
import { nodeClock } from '../../src/platform/node/clock.js';
import { NodeNetwork } from '../../src/platform/node/network.js';
import type { HostPort } from '../../src/platform/ports.js';
import type { BrokerProcess } from '../broker-process.js';
import { cpuSecondsOf } from '../process-figures.js';
import { Samples } from '../samples.js';
import {
  type Figure,
  figure,
  type Measurement,
  type Scenario,
  type ScenarioContext,
} from '../scenario.js';
import { OwnLoad } from './throughput.js';

const QUEUES = 1_000;
const CONSOLES = 10;
const INTERVAL_MS = 1_000;
const PAIRS = 5;
const SECONDS = 10;
const WARM_UP_MS = 5_000;
/** Between two parts of a pair, for what was begun in the one before. */
const SETTLE_MS = 500;

export const scraped: Scenario = {
  name: 'scraped',
  describe:
    'throughput while /metrics is scraped each second and 10 consoles listen to /api/v1/events, 1,000 other queues, and without, in pairs',
  target: 'over 95 % of the rate without',
  onlyWhenNamed: false,
  async run(context) {
    const site = await context.createSite(['a']);
    const [node] = site.nodes as [BrokerProcess];
    await makeQueues(site.addresses[0] as HostPort);
    const load = new OwnLoad(context, site, new Samples());
    await sleep(WARM_UP_MS);
    const measurements: Measurement[] = [];
    const pairs = context.options.runs ?? PAIRS;
    for (let pair = 1; pair <= pairs; pair += 1) {
      context.progress(`pair ${pair} of ${pairs}`);
      const figures = await measurePair(context, load, node, pair % 2 === 0);
      measurements.push({ name: `pair ${pair}`, figures, ledger: null });
    }
    const ledger = await load.finish();
    await site.stop();
    return measurements.map((each, at) => (at === pairs - 1 ? { ...each, ledger } : each));
  },
};

/** Each pair in the other order, so that what grows with time is on neither side. */
async function measurePair(
  context: ScenarioContext,
  load: OwnLoad,
  node: BrokerProcess,
  isScrapedFirst: boolean,
): Promise<readonly Figure[]> {
  const seconds = context.options.seconds ?? SECONDS;
  let alone = NO_RATE;
  let watched = NO_RATE;
  let scrapes: Scrapes = { times: new Samples(), bytes: 0, eventBytes: 0 };
  for (const isScraped of [isScrapedFirst, !isScrapedFirst]) {
    if (!isScraped) {
      alone = await rateOf(load, node, seconds);
      continue;
    }
    const watching = new AbortController();
    const ended = watch(node.adminAddress, watching.signal);
    watched = await rateOf(load, node, seconds);
    watching.abort();
    scrapes = await ended;
  }
  const cpuRatio = watched.cpuMicroseconds / alone.cpuMicroseconds;
  return [
    figure('confirmedPerSecond', 'confirmed/s', alone.perSecond),
    figure('scrapedConfirmedPerSecond', 'scraped confirmed/s', watched.perSecond),
    figure('ratio', 'ratio', watched.perSecond / alone.perSecond, 3),
    figure('brokerCpuRatio', 'broker CPU per message, ratio', cpuRatio, 3),
    figure('scrapes', 'scrapes', scrapes.times.count),
    figure('scrapeP50Ms', 'scrape p50 ms', scrapes.times.percentile(0.5), 1),
    figure('scrapeBytes', 'bytes', scrapes.bytes),
    figure('eventBytes', 'event bytes', scrapes.eventBytes),
  ];
}

export interface Rate {
  readonly perSecond: number;
  /** Of the broker, for each confirmed message. */
  readonly cpuMicroseconds: number;
}

export const NO_RATE: Rate = { perSecond: 0, cpuMicroseconds: 0 };

export async function rateOf(load: OwnLoad, node: BrokerProcess, seconds: number): Promise<Rate> {
  await sleep(SETTLE_MS);
  const beganMs = performance.now();
  const cpuSeconds = cpuSecondsOf(node.pid);
  const before = load.confirmed;
  await sleep(seconds * 1_000);
  const confirmed = load.confirmed - before;
  return {
    perSecond: (confirmed * 1_000) / (performance.now() - beganMs),
    cpuMicroseconds: ((cpuSecondsOf(node.pid) - cpuSeconds) * 1e6) / confirmed,
  };
}

interface Scrapes {
  readonly times: Samples;
  /** Of the last one. */
  bytes: number;
  /** Of all consoles. */
  eventBytes: number;
}

/** Scrapes each second, with consoles open, until it is told to end. */
async function watch(address: string, signal: AbortSignal): Promise<Scrapes> {
  const scrapes: Scrapes = { times: new Samples(), bytes: 0, eventBytes: 0 };
  const consoles = Array.from({ length: CONSOLES }, () => listen(address, scrapes, signal));
  while (!signal.aborted) {
    const beganMs = performance.now();
    scrapes.bytes = (await ask(address, 'metrics')).byteLength;
    scrapes.times.add(performance.now() - beganMs);
    await sleep(Math.max(0, INTERVAL_MS - (performance.now() - beganMs)));
  }
  await Promise.all(consoles);
  return scrapes;
}

/** What the page of a console does: it reads a stream of events. */
async function listen(address: string, scrapes: Scrapes, signal: AbortSignal): Promise<void> {
  const response = await fetch(`http://${address}/api/v1/events`, { signal });
  if (!response.ok || response.body === null) {
    throw new Error(`The events answered ${response.status}.`);
  }
  try {
    for await (const part of response.body) scrapes.eventBytes += (part as Uint8Array).byteLength;
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

async function ask(address: string, path: string): Promise<ArrayBuffer> {
  const response = await fetch(`http://${address}/${path}`);
  if (!response.ok) throw new Error(`${path} answered ${response.status}.`);
  return response.arrayBuffer();
}

/** Each with one message in it. */
async function makeQueues(address: HostPort): Promise<void> {
  const network = new NodeNetwork((error) => {
    throw error;
  });
  const client = await connectStomp([address], {
    network,
    clock: nodeClock,
    connectTimeoutMs: 5_000,
    heartbeatMs: 0,
  });
  const sent = Array.from({ length: QUEUES }, (_, number) =>
    client.send({ destination: `/queue/monitored.${number}`, body: 'x' }),
  );
  await Promise.all(sent);
  await client.disconnect();
}
