import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { drawAmqp, drawSettings } from '../cluster/config.js';
import { SimulatedHost } from '../cluster/host.js';
import { SeededRandom } from '../kernel/random.js';
import { Scheduler } from '../kernel/scheduler.js';
import { Trace } from '../kernel/trace.js';
import { SimulatedNetwork } from '../network/simulated-network.js';
import { BareBroker } from './bare-broker.js';
import { drawProtocols } from './protocols.js';
import { WallOffsets } from './wall-offsets.js';
import { Workload } from './workload.js';
import { CLIENT_HOSTS, drawWorkloadPlan } from './workload-plan.js';

const FIRST_WALL_MS = 1_750_000_000_000;
const ACTIVE_MS = 14_000;
const DRAIN_LIMIT_MS = 60_000;

interface Outcome {
  readonly breaches: string[];
  readonly workload: Workload;
  readonly broker: BareBroker;
  readonly lines: string[];
  readonly scheduler: Scheduler;
}

/** All clients of a seed on one broker, in every other one some with AMQP; `disturb` may do something to it while they work. */
async function run(
  seed: number,
  disturb: (broker: BareBroker, network: SimulatedNetwork, scheduler: Scheduler) => void,
): Promise<Outcome> {
  const scheduler = new Scheduler();
  const lines: string[] = [];
  const breaches: string[] = [];
  const trace = new Trace(scheduler, (line) => lines.push(line));
  const stream = (name: string): SeededRandom => new SeededRandom(seed, name);
  const network = new SimulatedNetwork({ scheduler, random: stream('network'), trace });
  const amqp = seed % 2 === 0 ? drawAmqp(stream('AMQP settings')) : null;
  const settings = { ...drawSettings(stream('settings'), 'nfs4'), amqp };
  const stomp = drawWorkloadPlan(seed, ACTIVE_MS / 2);
  const wallOffsets = new WallOffsets();
  wallOffsets.note(FIRST_WALL_MS);
  const broker = new BareBroker({
    scheduler,
    network,
    random: stream('broker'),
    settings,
    wallOffsetMs: FIRST_WALL_MS,
  });
  const hosts = new Map(
    CLIENT_HOSTS.map((name) => [
      name,
      new SimulatedHost({ scheduler, name, wallSkewMs: 0, witnesses: [network] }),
    ]),
  );
  const workload = new Workload({
    seed,
    scheduler,
    trace,
    network,
    plan: amqp === null ? stomp : drawProtocols(stomp, stream('protocols')),
    servers: [broker.address],
    hostOf: (name) => hosts.get(name) as SimulatedHost,
    ledger: {
      wallOffsets,
      maxDeliveries: settings.limits.maxDeliveries,
      onBreach: (invariant, sentence) => {
        breaches.push(`${invariant}: ${sentence}`);
        trace.note('BREACH', () => `${invariant}: ${sentence}`);
      },
    },
  });
  broker.start();
  workload.start();
  disturb(broker, network, scheduler);
  await scheduler.run(() => false, ACTIVE_MS);
  workload.drain();
  await scheduler.run(() => workload.isDrained || breaches.length > 0, ACTIVE_MS + DRAIN_LIMIT_MS);
  workload.judge();
  return { breaches, workload, broker, lines, scheduler };
}

const quiet = (): void => undefined;

/** Everything that may happen to a broker and its clients. */
function mayhem(
  seed: number,
): (broker: BareBroker, network: SimulatedNetwork, scheduler: Scheduler) => void {
  const random = new SeededRandom(seed, 'mayhem');
  return (broker, network, scheduler) => {
    for (let count = 0; count < 4; count += 1) {
      const atMs = random.between(500, ACTIVE_MS - 4_000);
      const forMs = random.between(1, 3_000);
      const host = random.pick(CLIENT_HOSTS);
      const fault = random.whole(0, 4);
      scheduler.schedule(atMs, () => {
        if (fault === 0) {
          broker.kill();
          scheduler.schedule(forMs, () => broker.start());
        } else if (fault === 1) {
          network.cut(host, 'broker', random.pick(['both', 'one-way']));
          scheduler.schedule(forMs, () => network.heal(host, 'broker'));
        } else if (fault === 2) {
          network.reset(host, 'broker');
        } else if (fault === 3) {
          network.drop(host, 'broker', forMs);
        } else {
          broker.pause(forMs);
        }
      });
    }
  };
}

describe('the clients of a seed', () => {
  it('find a broker that nothing happens to without fault, and leave it empty', async () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const { breaches, workload, broker, lines } = await run(seed, quiet);
      const log = lines.slice(-30).join('\n');
      assert.deepEqual(breaches, [], `seed ${seed}\n${log}`);
      assert.ok(workload.isDrained, `seed ${seed} is not drained\n${log}`);
      assert.ok(workload.ledger.confirmedCount > 50, `seed ${seed}`);
      assert.equal(broker.storedCount, 0, `seed ${seed}`);
    }
  });

  it('find no fault in a broker that is killed, paused and cut off, either', async () => {
    for (let seed = 1; seed <= 30; seed += 1) {
      const { breaches, workload, lines } = await run(seed, mayhem(seed));
      const log = lines.slice(-30).join('\n');
      assert.deepEqual(breaches, [], `seed ${seed}\n${log}`);
      assert.ok(workload.isDrained, `seed ${seed} is not drained\n${log}`);
    }
  });

  it('find that a broker forgot what it had confirmed', async () => {
    const found = new Set<string>();
    for (let seed = 1; seed <= 20; seed += 1) {
      const { breaches } = await run(seed, (broker, _network, scheduler) => {
        scheduler.schedule(ACTIVE_MS / 3, () => {
          broker.kill();
          broker.blocks.pop();
          broker.start();
        });
      });
      for (const breach of breaches) found.add(breach.slice(0, breach.indexOf(':')));
    }
    assert.ok(found.has('P1') || found.has('acknowledged-stays-gone'), [...found].join());
  });

  for (const seed of [5, 6]) {
    it(`do the same for the same seed, ${seed}`, async () => {
      const first = await run(seed, mayhem(seed));
      const second = await run(seed, mayhem(seed));
      assert.deepEqual(second.lines, first.lines);
      assert.equal(second.scheduler.eventCount, first.scheduler.eventCount);
    });
  }
});
