/** Nobody runs, and the journal has seen far more messages than it still holds. */

import { drain, untilReceived } from '../backlog.js';
import { Ledger } from '../ledger.js';
import { Consumer, Producer } from '../load.js';
import { ProbeClient } from '../probe-client.js';
import { numberText } from '../report.js';
import { Samples } from '../samples.js';
import { figure, type Scenario, type ScenarioContext } from '../scenario.js';
import type { Site } from '../site.js';

const MESSAGES = 10_000_000;
const HELD_FRACTION = 0.01;
const BODY_BYTES = 100;
const RUNS = 5;
const CLIENTS = 4;
const WINDOW = 1_000;
const PREFETCH = 2_000;
const QUEUE = 'cold-start';
const PROBE_QUEUE = 'cold-start-probe';
const PROBE_PRODUCER = 100;

export const coldStart: Scenario = {
  name: 'cold-start',
  describe: 'Start of a lone node whose journal has seen 10 M messages and holds 100,000',
  target: 'live in less than 3 s',
  onlyWhenNamed: false,
  async run(context) {
    const messages = context.options.messages ?? MESSAGES;
    const held = Math.ceil(messages * HELD_FRACTION);
    const ledger = new Ledger({ checksOrder: false });
    const site = await context.createSite(['a']);
    const { seconds } = await passThrough(context, site, ledger, messages - held);
    const occupiedMegabytes = (await site.occupiedBytes()) / 1e6;
    const live = new Samples();
    const confirmed = new Samples();
    for (let run = 1; run <= (context.options.runs ?? RUNS); run += 1) {
      context.progress(`start ${run}`);
      await startOnce(context, site, live, confirmed);
    }
    await drain({ ...sharedBy(context, site, ledger), context, messages });
    const figures = [
      figure('liveP50Ms', 'live p50 ms', live.percentile(0.5)),
      figure('liveMaxMs', 'live max ms', live.percentile(1)),
      figure('confirmationP50Ms', '1st confirmation p50 ms', confirmed.percentile(0.5)),
      figure('runs', 'runs', live.count),
      figure('messages', 'messages seen', messages),
      figure('held', 'held', held),
      figure('occupiedMegabytes', 'store MB', occupiedMegabytes),
      figure('loadSeconds', 'load s', seconds, 1),
    ];
    return [{ name: 'one node', figures, ledger: ledger.summary() }];
  },
};

function sharedBy(context: ScenarioContext, site: Site, ledger: Ledger) {
  const bodyBytes = context.options.bodyBytes ?? BODY_BYTES;
  const { addresses } = site;
  const { client, fail } = context;
  return { client, addresses, reconnects: false, fail, queue: QUEUE, bodyBytes, ledger };
}

/** Sends everything and consumes `taken` of it. */
async function passThrough(
  context: ScenarioContext,
  site: Site,
  ledger: Ledger,
  taken: number,
): Promise<{ seconds: number }> {
  const messages = context.options.messages ?? MESSAGES;
  const shared = sharedBy(context, site, ledger);
  const startedAtMs = performance.now();
  let left = taken;
  const takes = (): boolean => {
    left -= 1;
    return left >= 0;
  };
  const consumers = Array.from(
    { length: CLIENTS },
    () => new Consumer({ ...shared, prefetch: PREFETCH, takes }),
  );
  const producers = Array.from(
    { length: CLIENTS },
    (_, producer) => new Producer({ ...shared, producer, window: WINDOW, latencies: null }),
  );
  context.onEnd(() => {
    for (const producer of producers) producer.close();
    for (const consumer of consumers) consumer.abandon();
  });
  context.progress(`sending ${numberText(messages, 0)}`);
  const sent = producers.map((one, index) =>
    one.sendUntil(Math.floor((messages + index) / CLIENTS)),
  );
  await untilReceived(context, ledger, taken);
  await Promise.all(sent);
  await Promise.all(consumers.map((consumer) => consumer.close()));
  for (const producer of producers) producer.close();
  return { seconds: (performance.now() - startedAtMs) / 1_000 };
}

/** Kills the node, so that it gets no chance to tidy up, and starts it again. */
async function startOnce(
  context: ScenarioContext,
  site: Site,
  live: Samples,
  confirmed: Samples,
): Promise<void> {
  const node = site.nodes[0];
  if (node === undefined) throw new Error('There is no node.');
  node.kill();
  await node.untilGone();
  const startedAtMs = performance.now();
  const isLive = node.untilRole('live').then(() => live.add(performance.now() - startedAtMs));
  await node.start();
  const probe = new ProbeClient({
    ...sharedBy(context, site, new Ledger({ checksOrder: false })),
    queue: PROBE_QUEUE,
    producer: PROBE_PRODUCER,
  });
  context.onEnd(() => probe.close());
  confirmed.add((await probe.nextConfirmationBy(node.name)) - startedAtMs);
  await isLive;
  probe.close();
}
