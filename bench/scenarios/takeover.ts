/** How long clients wait when the live node is killed, or hands over, with a long queue in the store. */

import { setTimeout as sleep } from 'node:timers/promises';
import { drain, fill } from '../backlog.js';
import { Ledger } from '../ledger.js';
import { ProbeClient } from '../probe-client.js';
import { Samples } from '../samples.js';
import { type Figure, figure, type Scenario, type ScenarioContext } from '../scenario.js';
import type { Site } from '../site.js';

const RUNS = 20;
const MESSAGES = 1_000_000;
const BODY_BYTES = 1024;
const QUEUE = 'takeover';
/** The producers that fill the queue are numbered from 0 on. */
const PROBE_PRODUCER = 100;
/** Kills and requests fall anywhere in the intervals at which nodes look at locks and files. */
const MAX_JITTER_MS = 300;
const CONFIRMATION_LIMIT_MS = 30_000;

export const takeover: Scenario = {
  name: 'takeover',
  describe: 'SIGKILL of the live node, and planned handovers, with 1 M queued messages of 1 KiB',
  target: 'first confirmation by the other: p95 of takeovers 500 ms, of handovers 250 ms',
  onlyWhenNamed: false,
  async run(context) {
    const messages = context.options.messages ?? MESSAGES;
    const bodyBytes = context.options.bodyBytes ?? BODY_BYTES;
    const runs = context.options.runs ?? RUNS;
    const site = await context.createSite(['a', 'b']);
    const ledger = new Ledger({ checksOrder: false });
    const { client, fail } = context;
    const shared = { context, client, queue: QUEUE, bodyBytes, ledger, fail };
    await fill({ ...shared, addresses: site.addresses.slice(0, 1), messages });
    const probe = new ProbeClient({
      ...shared,
      addresses: site.addresses,
      producer: PROBE_PRODUCER,
    });
    context.onEnd(() => probe.close());
    const takeovers = await repeat(context, runs, 'takeover', () => killLive(site, probe));
    const handovers = await repeat(context, runs, 'handover', () => handOver(site, probe));
    probe.close();
    const { live } = await site.roles();
    const { confirmed } = ledger.summary();
    await drain({ ...shared, addresses: [live.address], messages: confirmed });
    return [
      { name: 'takeover', figures: figuresOf(takeovers), ledger: null },
      { name: 'handover', figures: figuresOf(handovers), ledger: ledger.summary() },
    ];
  },
};

async function repeat(
  context: ScenarioContext,
  runs: number,
  what: string,
  once: () => Promise<number>,
): Promise<Samples> {
  const samples = new Samples();
  for (let run = 1; run <= runs; run += 1) {
    context.progress(`${what} ${run} of ${runs}`);
    await sleep(Math.random() * MAX_JITTER_MS);
    samples.add(await once());
  }
  return samples;
}

/** Milliseconds from the kill to the first confirmation by the other node. */
async function killLive(site: Site, probe: ProbeClient): Promise<number> {
  const { live, backup } = await readyPair(site);
  await within(probe.nextConfirmationBy(live.name), live.name);
  const confirmed = probe.nextConfirmationBy(backup.name);
  const killedAtMs = performance.now();
  live.kill();
  const atMs = await within(confirmed, backup.name);
  await live.untilGone();
  await live.start();
  return atMs - killedAtMs;
}

/** Milliseconds from the request to the first confirmation by the other node. */
async function handOver(site: Site, probe: ProbeClient): Promise<number> {
  const { live, backup } = await readyPair(site);
  await within(probe.nextConfirmationBy(live.name), live.name);
  const confirmed = probe.nextConfirmationBy(backup.name);
  const requestedAtMs = performance.now();
  await site.requestHandover(backup.name);
  return (await within(confirmed, backup.name)) - requestedAtMs;
}

async function readyPair(site: Site) {
  await site.untilLive();
  const { live, backup } = await site.roles();
  if (backup === null) throw new Error('There is no backup.');
  await site.untilReady(backup);
  return { live, backup };
}

async function within(confirmed: Promise<number>, node: string): Promise<number> {
  const atMs = await Promise.race([confirmed, sleep(CONFIRMATION_LIMIT_MS, null)]);
  if (atMs === null) throw new Error(`${node} confirmed nothing for too long.`);
  return atMs;
}

function figuresOf(samples: Samples): readonly Figure[] {
  return [
    figure('p50Ms', 'p50 ms', samples.percentile(0.5)),
    figure('p95Ms', 'p95 ms', samples.percentile(0.95)),
    figure('maxMs', 'max ms', samples.percentile(1)),
    figure('runs', 'runs', samples.count),
  ];
}
