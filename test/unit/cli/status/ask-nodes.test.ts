import assert from 'node:assert/strict';
import { test } from 'node:test';
import { adminAddresses } from '../../../../src/cli/status/ask-nodes.js';
import type { NodeStatus } from '../../../../src/store/store-status.js';
import { nodeStatus, storeStatus } from './store-statuses.js';

const READER = { bootId: 'boot-1' };
const HERE = { stomp: '127.0.0.1:61613', admin: '127.0.0.1:8161' };
const THERE = { stomp: 'broker-2:61613', admin: 'broker-2:8161' };

function asked(changes: Partial<NodeStatus>): string[] {
  return adminAddresses(storeStatus({ nodes: [nodeStatus(changes)] }), READER);
}

test('a node of this host is asked when its process runs', () => {
  assert.deepEqual(asked({ addresses: HERE }), ['127.0.0.1:8161']);
  assert.deepEqual(asked({ addresses: HERE, running: 'no' }), []);
});

test('a node of another host is asked although it writes nothing: it may be cut off from the store', () => {
  assert.deepEqual(asked({ addresses: THERE, bootId: 'boot-2', running: 'no' }), ['broker-2:8161']);
});

test('a node of another host that listens for its own host alone cannot be asked', () => {
  assert.deepEqual(asked({ addresses: HERE, bootId: 'boot-2' }), []);
});

test('a node of another host that listens for others over TLS alone is asked so', () => {
  const addresses = { ...HERE, https: 'broker-2:8162' };
  assert.deepEqual(asked({ addresses, bootId: 'boot-2' }), ['https://broker-2:8162']);
  assert.deepEqual(asked({ addresses }), ['127.0.0.1:8161']);
});

test('a node that stopped in good order, or tells no address, is not asked', () => {
  assert.deepEqual(asked({ addresses: THERE, bootId: 'boot-2', role: 'stopped' }), []);
  assert.deepEqual(asked({ addresses: { stomp: 'broker-2:61613' }, bootId: 'boot-2' }), []);
});
