/** A thread that runs seeds: it is sent their numbers, and answers with what came of each. */
import { parentPort, workerData } from 'node:worker_threads';
import { loadRunSeed } from './run-one.js';

const port = parentPort;
if (port === null) throw new Error('this file is the entry of a worker thread');
const runSeed = await loadRunSeed(workerData as string);
port.on('message', async (seeds: readonly number[]) => {
  for (const seed of seeds) port.postMessage(await runSeed(seed, {}));
});
