/** What monitoring costs: the throughput load with and without scrapes and consoles, in turns. */

import { connectStomp } from '../../src/client/stomp-client.js';
import { nodeClock } from '../../src/platform/node/clock.js';
import { NodeNetwork } from '../../src/platform/node/network.js';
import type { HostPort } from '../../src/platform/ports.js';
import { measureBeside } from '../beside.js';
import type { BrokerProcess } from '../broker-process.js';
import { Samples } from '../samples.js';
import { type Figure, figure, type Scenario } from '../scenario.js';
import { OwnLoad } from './throughput.js';

const QUEUES = 1_000;
const CONSOLES = 10;

export const scraped: Scenario = {
  name: 'scraped',
  describe:
    'throughput while /metrics is scraped each second and 10 consoles are open, 1,000 other queues, and without, in turns',
  target: 'over 95 % of the rate without',
  onlyWhenNamed: false,
  async run(context) {
    const site = await context.createSite(['a']);
    const [node] = site.nodes as [BrokerProcess];
    await makeQueues(site.addresses[0] as HostPort);
    const latencies = new Samples();
    const measurements = await measureBeside(context, {
      name: 'flat out',
      load: new OwnLoad(context, site, latencies),
      latencies,
      node,
      program: ['watcher.js', node.adminAddress, `${CONSOLES}`],
      figuresOf,
    });
    await site.stop();
    return measurements;
  },
};

interface Watched {
  readonly scrapes: number;
  readonly scrapeP50Ms: number;
  readonly scrapeBytes: number;
  readonly eventBytes: number;
  readonly answers: number;
}

function figuresOf(printed: unknown): readonly Figure[] {
  const { scrapes, scrapeP50Ms, scrapeBytes, eventBytes, answers } = printed as Watched;
  return [
    figure('scrapes', 'scrapes', scrapes),
    figure('scrapeP50Ms', 'scrape p50 ms', scrapeP50Ms, 1),
    figure('scrapeBytes', 'bytes', scrapeBytes),
    figure('eventBytes', 'event bytes', eventBytes),
    figure('answers', 'answers', answers),
  ];
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
