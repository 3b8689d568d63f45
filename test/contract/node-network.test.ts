import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NodeNetwork } from '../../src/platform/node/network.js';
import type { Socket } from '../../src/platform/ports.js';
import { atEnd } from '../support/at-end.js';
import { describeNetwork } from './network-contract.js';

describeNetwork('node:net', async () => {
  const network = new NodeNetwork((error) => {
    throw error;
  });
  return {
    server: network,
    client: network,
    host: '127.0.0.1',
    dispose: () => Promise.resolve(),
  };
});

test('what came while this process stood still is looked at before the time for a look is over', async (t) => {
  const network = new NodeNetwork((error) => {
    throw error;
  });
  let accept: (socket: Socket) => void = () => undefined;
  const accepted = new Promise<Socket>((resolve) => {
    accept = resolve;
  });
  const listener = await network.listen({ host: '127.0.0.1', port: 0 }, accept);
  atEnd(t, () => listener.close());
  const client = await network.connect(listener.address, 5_000);
  atEnd(t, () => client.destroy());
  const server = await accepted;
  const peeked: string[] = [];
  const looked = server.peek((bytes) => peeked.push(Buffer.from(bytes).toString()), 20);
  // It reads from now on.
  await new Promise(setImmediate);
  client.write(Buffer.from('here'));
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
  await looked;
  assert.deepEqual(peeked, ['here']);
});
