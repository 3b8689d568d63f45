/** `holdfast start` with a storage thread that fails as the environment says; see fault.ts. */
import { parseArgs } from 'node:util';
import { start } from '../../../src/cli/commands/start.js';

const STORAGE_THREAD = new URL('./faulty-storage-thread.js', import.meta.url);

const { values } = parseArgs({
  allowPositionals: true,
  options: {
    store: { type: 'string' },
    name: { type: 'string' },
    stomp: { type: 'string' },
    admin: { type: 'string' },
    'allow-anonymous': { type: 'boolean' },
    'log-format': { type: 'string' },
    'stop-with-parent': { type: 'boolean' },
  },
});

process.exit(await start(values, STORAGE_THREAD));
