/** A store in a temporary directory, and documents to put into it. */
import { nodeClock, nodeRandom } from '../../src/platform/node/clock.js';
import { nodeFileSystem } from '../../src/platform/node/file-system.js';
import type { LiveDocument, NodeDocument } from '../../src/store/documents.js';
import { type StoreLayout, storeLayout } from '../../src/store/layout.js';
import { initialiseStore } from '../../src/store/store-file.js';
import { makeTemporaryDirectory } from './temporary-directory.js';

export interface TemporaryStore {
  readonly layout: StoreLayout;
  readonly storeId: string;
  remove(): Promise<void>;
}

export async function makeStore(): Promise<TemporaryStore> {
  const { path, remove } = await makeTemporaryDirectory();
  const layout = storeLayout(path);
  const { storeId } = await initialiseStore({
    fileSystem: nodeFileSystem,
    layout,
    clock: nodeClock,
    random: nodeRandom,
    createdBy: 'test',
    isBegun: false,
  });
  return { layout, storeId, remove };
}

const POSITION = { segment: 1, offset: 512, sequence: 3 };

export const LIVE_SAMPLE: LiveDocument = Object.freeze({
  epoch: 3,
  node: 'a',
  host: 'alpha',
  pid: 4711,
  bootId: 'boot-of-alpha',
  sinceMs: 1_000,
  addresses: { stomp: '127.0.0.1:61613' },
  position: POSITION,
  beat: 1,
  verifiedAtMs: 2_000,
  state: 'live',
  successor: null,
});

export const NODE_SAMPLE: NodeDocument = Object.freeze({
  name: 'b',
  host: 'beta',
  pid: 4712,
  bootId: 'boot-of-beta',
  version: '0.1.0',
  role: 'backup',
  detail: '',
  sinceMs: 1_000,
  addresses: {},
  position: POSITION,
  lagBytes: 0,
  ready: true,
  beat: 1,
  updatedAtMs: 2_000,
});
