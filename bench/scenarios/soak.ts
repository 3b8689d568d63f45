/** Load for minutes while the live node is killed again and again: nothing confirmed may be missing. */

import { setTimeout as sleep } from 'node:timers/promises';
import { untilReceived } from '../backlog.js';
import { Ledger } from '../ledger.js';
import { Consumer, Producer } from '../load.js';
import { numberText } from '../report.js';
import { figure, type Scenario, type ScenarioContext } from '../scenario.js';
import type { Site } from '../site.js';

const SECONDS = 600;
const KILL_INTERVAL_MS = 5_000;
const QUEUES = 4;
const PRODUCERS_PER_QUEUE = 2;
const WINDOW = 100;
const PREFETCH = 1_000;
const BODY_BYTES = 1024;

export const soak: Scenario = {
  name: 'soak',
  describe: '10 minutes of load with a SIGKILL of the live node every 5 s; counts what is lost',
  target: 'nothing confirmed is lost, nothing is invented, the order of each producer is kept',
  onlyWhenNamed: true,
  async run(context) {
    const site = await context.createSite(['a', 'b']);
    const ledger = new Ledger({ checksOrder: true });
    const { producers, consumers } = startLoad(context, site, ledger);
    const startedAtMs = performance.now();
    const kills = await killRepeatedly(context, site, ledger);
    await Promise.all(producers.map((producer) => producer.stop()));
    const seconds = (performance.now() - startedAtMs) / 1_000;
    const { confirmed } = ledger.summary();
    await untilReceived(context, ledger, confirmed);
    await Promise.all(consumers.map((consumer) => consumer.close()));
    const summary = ledger.summary();
    const figures = [
      figure('seconds', 'seconds', seconds),
      figure('kills', 'kills', kills),
      figure('confirmedPerSecond', 'confirmed/s', confirmed / seconds),
      figure('duplicates', 'received again', summary.duplicates),
      figure('lost', 'lost', summary.lost),
      figure('disordered', 'out of order', summary.disordered),
    ];
    return [{ name: 'a pair', figures, ledger: summary }];
  },
};

/** One consumer for each queue: with more of them nobody could say which message came first. */
function startLoad(context: ScenarioContext, site: Site, ledger: Ledger) {
  const shared = {
    client: context.client,
    addresses: site.addresses,
    reconnects: true,
    fail: context.fail,
    bodyBytes: context.options.bodyBytes ?? BODY_BYTES,
    ledger,
  };
  const queues = Array.from({ length: QUEUES }, (_, index) => `soak-${index}`);
  const consumers = queues.map(
    (queue) => new Consumer({ ...shared, queue, prefetch: PREFETCH, takes: () => true }),
  );
  const producers = queues.flatMap((queue, index) =>
    Array.from(
      { length: PRODUCERS_PER_QUEUE },
      (_, number) =>
        new Producer({
          ...shared,
          queue,
          producer: index * PRODUCERS_PER_QUEUE + number,
          window: WINDOW,
          latencies: null,
        }),
    ),
  );
  for (const producer of producers) void producer.sendUntil(Number.POSITIVE_INFINITY);
  context.onEnd(() => {
    for (const producer of producers) producer.close();
    for (const consumer of consumers) consumer.abandon();
  });
  return { producers, consumers };
}

/** Returns how often it killed. A node is killed only when the other one is ready to take over. */
async function killRepeatedly(
  context: ScenarioContext,
  site: Site,
  ledger: Ledger,
): Promise<number> {
  const endMs = performance.now() + (context.options.seconds ?? SECONDS) * 1_000;
  let kills = 0;
  let nextKillMs = performance.now() + KILL_INTERVAL_MS;
  while (nextKillMs < endMs) {
    const left = numberText((endMs - performance.now()) / 1_000, 0);
    context.progress(
      `${left} s left, ${kills} kills, ${numberText(ledger.received, 0)} messages received`,
    );
    await site.untilLive();
    const { live, backup } = await site.roles();
    if (backup === null) throw new Error('There is no backup.');
    await site.untilReady(backup);
    await sleep(Math.max(0, nextKillMs - performance.now()));
    nextKillMs = performance.now() + KILL_INTERVAL_MS;
    live.kill();
    kills += 1;
    await live.untilGone();
    await live.start();
  }
  await sleep(Math.max(0, endMs - performance.now()));
  await site.untilLive();
  return kills;
}
