import assert from 'node:assert/strict';
import { test } from 'node:test';
import picocolors from 'picocolors';
import { findHandoverObstacle } from '../../../../src/cli/handover-rules.js';
import type { Situation } from '../../../../src/cli/status/situation.js';
import {
  type StatusPage,
  statusJson,
  statusLines,
} from '../../../../src/cli/status/status-view.js';
import { dateText } from '../../../../src/cli/text.js';
import type { StoreStatus } from '../../../../src/store/store-status.js';
import {
  backupStatus,
  liveDocument,
  nodeReport,
  nodeStatus,
  storeStatus,
} from './store-statuses.js';

const paint = picocolors.createColors(false);

const WELL: readonly [Situation] = [{ name: 'well', sentence: 'All is well.', advice: '' }];

function page(status: StoreStatus | null, changes: Partial<StatusPage> = {}): string[] {
  const store = '/store';
  return statusLines({
    store,
    status,
    reports: [],
    situations: WELL,
    unanswered: [],
    nowMs: 5_000,
    paint,
    columns: Number.POSITIVE_INFINITY,
    ...changes,
  });
}

test('status --json has exactly the promised keys for the live node', () => {
  assert.deepEqual(statusJson(storeStatus(), WELL).live, {
    node: 'a',
    host: 'host-1',
    pid: 100,
    epoch: 7,
    sinceMs: 1_000,
    addresses: { stomp: '127.0.0.1:61613' },
  });
  assert.deepEqual(Object.keys(statusJson(storeStatus(), WELL)), [
    'state',
    'situations',
    'unanswered',
    'storeAnswers',
    'storeId',
    'live',
    'nodes',
  ]);
});

test('an address that was named and where no node answers is told', () => {
  const unanswered = ['broker-9:8161'];
  assert.deepEqual(statusJson(null, WELL, unanswered).unanswered, unanswered);
  assert.ok(page(null, { unanswered }).includes('No node answers at broker-9:8161.'));
});

test('on a narrow terminal sentences go on in the next line, so that none is cut off', () => {
  const situations: readonly Situation[] = [
    { name: 'no-backup', sentence: 'a is live, and no backup runs.', advice: 'Start one again.' },
  ];
  assert.deepEqual(page(null, { situations, columns: 16 }).slice(-5), [
    'a is live, and',
    'no backup runs.',
    '  Start one',
    '  again.',
    '  docs/runbook.md#no-backup',
  ]);
});

test('status --json says name, role and lag of every node', () => {
  const nodes = statusJson(storeStatus(), WELL).nodes;
  assert.deepEqual(
    nodes.map(({ name, role, lagBytes, ready }) => ({ name, role, lagBytes, ready })),
    [
      { name: 'a', role: 'live', lagBytes: 0, ready: false },
      { name: 'b', role: 'backup', lagBytes: 2_048, ready: true },
    ],
  );
});

test('a node that is still taking over is not live yet', () => {
  const live = liveDocument({ state: 'taking-over' });
  assert.equal(statusJson(storeStatus({ live }), WELL).live, null);
});

test('a node whose process is gone is stopped and not ready, whatever it wrote last', () => {
  const [node] = statusJson(storeStatus({ nodes: [backupStatus({ running: 'no' })] }), WELL).nodes;
  assert.equal(node?.role, 'stopped');
  assert.equal(node?.ready, false);
});

test('the page names the live node, its tenure, its address and every node', () => {
  assert.deepEqual(page(storeStatus()), [
    'Store  /store  store-1',
    'Live   a on host-1, pid 100, epoch 7',
    `       since ${dateText(1_000)} (4.00 s), verified 0.10 s ago`,
    'STOMP  127.0.0.1:61613',
    '',
    'node  role    host    pid  stomp            lag      age',
    'a     live    host-1  100  127.0.0.1:61613  -        0.50 s',
    'b     backup  host-1  200  127.0.0.1:61614  2.0 KiB  0.50 s',
    '',
    'All is well.',
  ]);
});

test('the page says who was live last when nobody is', () => {
  const lines = page(storeStatus({ live: null, nodes: [] }));
  assert.deepEqual(lines.slice(1), [
    'Live   nobody; the last one was a on host-1, epoch 7',
    '',
    'All is well.',
  ]);
});

test('each situation comes with what to do and the page to read', () => {
  const situations = [
    { name: 'no-backup', sentence: 'No backup runs.', advice: 'Start one.' },
    ...WELL,
  ] as const;
  assert.deepEqual(page(storeStatus(), { situations }).slice(-4), [
    'No backup runs.',
    '  Start one.',
    '  docs/runbook.md#no-backup',
    'All is well.',
  ]);
});

test('a store that does not answer leaves what the nodes say of themselves', () => {
  const reports = [
    nodeReport({ storeSilence: { call: 'write x', silentMs: 4_000, limitMs: 30_000 } }),
  ];
  assert.deepEqual(page(null, { reports }), [
    'Store  /store  cannot be read',
    '',
    'node  role  host    pid  stomp         since',
    'a     live  host-1  100  host-1:61613  4.00 s  write x for 4.00 s',
    '',
    'All is well.',
  ]);
  assert.equal(statusJson(null, WELL).storeAnswers, false);
});

function refusal(status: StoreStatus, to: string | null): string | null {
  const error = findHandoverObstacle(status, to);
  return error === null ? null : `${error.code}: ${error.message}`;
}

test('a handover to a ready backup is allowed, named or not', () => {
  assert.equal(refusal(storeStatus(), null), null);
  assert.equal(refusal(storeStatus(), 'b'), null);
});

test('a handover says why it is refused', () => {
  const busy = backupStatus({ role: 'joining', ready: false, detail: 'reading the journal' });
  const cases: readonly [StoreStatus, string | null, string][] = [
    [
      storeStatus({ live: null }),
      null,
      'NOBODY_LIVE: No node is live, so there is nothing to hand over; start one with holdfast start.',
    ],
    [storeStatus(), 'a', 'HANDOVER_REFUSED: a is the live node already.'],
    [storeStatus(), 'bb', 'HANDOVER_REFUSED: No node is called bb; did you mean b?'],
    [storeStatus(), 'somebody', 'HANDOVER_REFUSED: No node is called somebody.'],
    [
      storeStatus({ nodes: [nodeStatus()] }),
      null,
      'HANDOVER_REFUSED: No backup is ready to take over from a: there is no other node.',
    ],
    [
      storeStatus({ nodes: [nodeStatus(), busy] }),
      null,
      'HANDOVER_REFUSED: No backup is ready to take over from a: b is joining (reading the journal).',
    ],
    [
      storeStatus({ nodes: [nodeStatus(), backupStatus({ running: 'no' })] }),
      'b',
      'HANDOVER_REFUSED: b is not ready to take over: b is stopped.',
    ],
  ];
  for (const [status, to, sentence] of cases) {
    assert.equal(refusal(status, to), sentence);
  }
});
