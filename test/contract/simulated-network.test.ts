import { SimulatedProcess } from '../simulation/kernel/process.js';
import { SeededRandom } from '../simulation/kernel/random.js';
import { Scheduler } from '../simulation/kernel/scheduler.js';
import { Trace } from '../simulation/kernel/trace.js';
import { SimulatedNetwork } from '../simulation/network/simulated-network.js';
import { describeNetwork } from './network-contract.js';

let lastSeed = 0;

for (const where of ['one host', 'two hosts'] as const) {
  describeNetwork(`the simulated network of ${where}`, async () => {
    const scheduler = new Scheduler();
    lastSeed += 1;
    const network = new SimulatedNetwork({
      scheduler,
      random: new SeededRandom(lastSeed, 'network'),
      trace: new Trace(scheduler, null),
    });
    const server = new SimulatedProcess(scheduler, 'server', 1);
    const client = new SimulatedProcess(scheduler, 'client', 2);
    const clientHost = where === 'one host' ? 'here' : 'there';
    let isOver = false;
    const turning = turn(scheduler, () => isOver);
    return {
      server: network.portOf(server, 'here'),
      client: network.portOf(client, clientHost),
      host: 'here',
      dispose: async () => {
        isOver = true;
        await turning;
      },
    };
  });
}

/** Virtual time goes on while real promises are waited for. */
async function turn(scheduler: Scheduler, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    await scheduler.run(isOver, scheduler.nowMs + 100);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
