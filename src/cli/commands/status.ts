/** `holdfast status`: what the store says about its nodes, read by any host, changing nothing. */

import { watch } from 'chokidar';
import { classifyFileSystem } from '../../doctor/file-system-kind.js';
import { readMounts } from '../../platform/node/mounts.js';
import { storeLayout } from '../../store/layout.js';
import type { StoreStatus } from '../../store/store-status.js';
import { defineCommand, requireStore, STORE_OPTION } from '../command.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { Screen } from '../screen.js';
import { servingLive, statusJson, statusLines } from '../status-view.js';
import { OBSERVE_OTHER_HOSTS_MS, openStoreReader, type StoreReader } from '../store-reader.js';
import { paintFor } from '../text.js';

const REFRESH_INTERVAL_MS = 1_000;
const POLL_INTERVAL_MS = 500;

export const command = defineCommand({
  options: {
    store: STORE_OPTION,
    json: { type: 'boolean', description: 'One JSON object; with --watch one per line' },
    watch: { type: 'boolean', description: 'Go on, and show what changes, until Ctrl-C' },
  },
  positionals: {},
  examples: [
    ['status --store /srv/holdfast', 'Who is live'],
    ['status --store /srv/holdfast --watch', 'The same, kept current'],
    ["status --store /srv/holdfast --json | jq -r '.live.addresses.stomp'", 'For scripts'],
  ],
  epilogue: 'Ends with 0 when a node is live, and with 4 when nobody is.',
  async run({ store: given, json, watch: follow }) {
    const store = requireStore(given);
    const show = json === true ? showJson : pageFor(store);
    const reader = openStoreReader(store);
    if (follow === true) {
      return await watchForEver(store, reader, show);
    }
    const status = await reader.read(OBSERVE_OTHER_HOSTS_MS);
    show(status);
    return servingLive(status) === null ? EXIT.unavailable : EXIT.ok;
  },
});

type Show = (status: StoreStatus) => void;

function showJson(status: StoreStatus): void {
  process.stdout.write(`${JSON.stringify(statusJson(status))}\n`);
}

function pageFor(store: string): Show {
  const screen = process.stdout.isTTY ? new Screen(process.stdout) : null;
  const paint = paintFor(process.stdout);
  return (status) => {
    const lines = statusLines({ store, status, nowMs: Date.now(), paint });
    if (screen === null) {
      process.stdout.write(`${lines.join('\n')}\n`);
    } else {
      screen.show(lines, []);
    }
  };
}

/** A change wakes it early; what it shows is always read afresh. */
async function watchForEver(store: string, reader: StoreReader, show: Show): Promise<ExitCode> {
  const layout = storeLayout(store);
  const mounts = await readMounts(store);
  let wake = (): void => undefined;
  const watcher = watch([layout.liveFile, layout.nodesDirectory], {
    usePolling: classifyFileSystem(mounts.mountInfo, mounts.realPath).isNetwork,
    interval: POLL_INTERVAL_MS,
    ignoreInitial: true,
  });
  watcher.on('all', () => wake());
  let failure: unknown = null;
  watcher.on('error', (error) => {
    failure = error;
    wake();
  });
  while (failure === null) {
    show(await reader.read(OBSERVE_OTHER_HOSTS_MS));
    await new Promise<void>((resolve) => {
      wake = resolve;
      setTimeout(resolve, REFRESH_INTERVAL_MS);
    });
  }
  throw failure;
}
