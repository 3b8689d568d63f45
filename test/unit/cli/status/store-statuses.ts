/** Builders of store statuses for the tests of the command line. */

import type { NodeReport } from '../../../../src/node/node-report.js';
import type { LiveDocument } from '../../../../src/store/documents.js';
import type { NodeStatus, StoreStatus } from '../../../../src/store/store-status.js';

const POSITION = { segment: 1, offset: 4096, sequence: 10 };

export function liveDocument(changes: Partial<LiveDocument> = {}): LiveDocument {
  return {
    epoch: 7,
    node: 'a',
    host: 'host-1',
    pid: 100,
    bootId: 'boot-1',
    sinceMs: 1_000,
    addresses: { stomp: '127.0.0.1:61613' },
    position: POSITION,
    beat: 3,
    verifiedAtMs: 4_900,
    state: 'live',
    successor: null,
    ...changes,
  };
}

export function nodeStatus(changes: Partial<NodeStatus> = {}): NodeStatus {
  return {
    name: 'a',
    host: 'host-1',
    pid: 100,
    bootId: 'boot-1',
    version: '0.1.0',
    role: 'live',
    detail: '',
    sinceMs: 1_100,
    addresses: { stomp: '127.0.0.1:61613' },
    position: POSITION,
    lagBytes: 0,
    ready: false,
    beat: 4,
    updatedAtMs: 4_500,
    ageMs: 500,
    running: 'yes',
    ...changes,
  };
}

export function backupStatus(changes: Partial<NodeStatus> = {}): NodeStatus {
  return nodeStatus({
    name: 'b',
    pid: 200,
    role: 'backup',
    ready: true,
    lagBytes: 2_048,
    addresses: { stomp: '127.0.0.1:61614' },
    ...changes,
  });
}

export function storeStatus(changes: Partial<StoreStatus> = {}): StoreStatus {
  const live = liveDocument();
  return {
    storeId: 'store-1',
    live,
    lastLive: live,
    nodes: [nodeStatus(), backupStatus()],
    ...changes,
  };
}

export function nodeReport(changes: Partial<NodeReport> = {}): NodeReport {
  return {
    node: 'a',
    host: 'host-1',
    pid: 100,
    version: '0.1.0',
    store: '/store',
    addresses: { stomp: 'host-1:61613' },
    role: 'live',
    detail: '',
    sinceMs: 1_000,
    epoch: 7,
    confirms: true,
    verifiedAgoMs: 100,
    storeSilence: null,
    producersHeld: null,
    connections: 3,
    live: null,
    peers: [],
    ...changes,
  };
}
