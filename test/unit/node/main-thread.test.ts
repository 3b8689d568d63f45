import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { test } from 'node:test';
import { loadConfig } from '../../../src/config/load.js';
import { assembleMainThread } from '../../../src/node/main-thread.js';
import { PULSE_BYTES } from '../../../src/node/watchdog.js';
import { nodeRandom } from '../../../src/platform/node/clock.js';
import { nodeCryptography } from '../../../src/platform/node/cryptography.js';
import { NodeNetwork } from '../../../src/platform/node/network.js';
import { eventually, within } from '../../support/eventually.js';
import { ManualClock } from '../../support/manual-clock.js';

const ignore = (): void => undefined;
const VALUES = { store: '/store', 'stomp.listen': '127.0.0.1:0' };

/** A process that is killed keeps its sockets for as long as one of its threads hangs in the kernel. */
test('P5: when the node is killed for a silent storage thread, its clients are cut off and its port is free', async () => {
  const clock = new ManualClock();
  const config = loadConfig({
    hostName: 'alpha',
    file: null,
    environment: {},
    flags: Object.entries(VALUES).map(([path, value]) => ({ path, value, source: 'the test' })),
  });
  const addresses: string[] = [];
  const kills: number[] = [];
  const { node, watchdog } = assembleMainThread({
    config,
    identity: { host: 'alpha', pid: 4711, bootId: 'boot-of-alpha' },
    version: 'tested',
    clock,
    random: nodeRandom,
    cryptography: nodeCryptography,
    network: new NodeNetwork((error) => assert.fail(error)),
    logger: {
      debug: ignore,
      info: (event, { address }) => event === 'listener-started' && addresses.push(String(address)),
      warn: ignore,
      error: ignore,
    },
    channel: { post: ignore, onMessage: ignore, onClose: ignore },
    pulses: new Int32Array(new SharedArrayBuffer(PULSE_BYTES)),
    killProcess: () => {
      kills.push(clock.nowMs);
      watchdog.stop();
    },
  });
  await node.start({});
  const port = Number(addresses[0]?.split(':')[1]);
  const client = net.connect(port, '127.0.0.1').on('error', ignore).resume();
  await eventually('it is accepted', () => node.report(0).connections === 1);
  const closed = once(client, 'close');
  node.stop();
  clock.advance(config.ownership.storeStallLimitMs + 1_000);
  assert.equal(kills.length, 1);
  const another = net.createServer().listen(port, '127.0.0.1');
  await once(another, 'listening');
  another.close();
  await within('the client is cut off', closed);
});
