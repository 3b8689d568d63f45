import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import {
  findSituations,
  SITUATIONS,
  type Sight,
  type SituationName,
} from '../../../../src/cli/status/situation.js';
import type { StoreStatus } from '../../../../src/store/store-status.js';
import {
  backupStatus,
  liveDocument,
  nodeReport,
  nodeStatus,
  storeStatus,
} from './store-statuses.js';

const NOW_MS = 10_000;

type Changes = Partial<Omit<Sight, 'status' | 'trouble'>> & { readonly status?: StoreStatus };

function sight(changes: Changes = {}): Sight {
  const { status = storeStatus(), ...others } = changes;
  return { status, trouble: null, reports: [], unreachable: [], nowMs: NOW_MS, ...others };
}

const SILENCE = { call: 'write /store/journal/1', silentMs: 12_000, limitMs: 30_000 };
const STALLED = nodeReport({ confirms: false, verifiedAgoMs: 12_100, storeSilence: SILENCE });
const STOPPED = backupStatus({ role: 'stopped', running: 'no', ready: false, detail: '' });
const NO_LIVE = { live: null } as const;

/** What is seen, all situations that it means, and what the first says. */
const CASES: readonly (readonly [string, Sight, readonly SituationName[], RegExp])[] = [
  ['a ready backup', sight(), ['well'], /^a is live, and b could take over now\.$/],
  [
    'no other node at all',
    sight({ status: storeStatus({ nodes: [nodeStatus()] }) }),
    ['no-backup'],
    /no backup runs/,
  ],
  [
    'a backup that ended with a reason',
    sight({
      status: storeStatus({
        nodes: [nodeStatus(), { ...STOPPED, detail: 'the lock is not shared' }],
      }),
    }),
    ['no-backup'],
    /b said: the lock is not shared/,
  ],
  [
    'a backup that still reads',
    sight({ status: storeStatus({ nodes: [nodeStatus(), backupStatus({ ready: false })] }) }),
    ['backup-behind'],
    /b \(backup\) has 2\.0 KiB to read/,
  ],
  [
    'a handover',
    sight({
      status: storeStatus({ live: liveDocument({ state: 'handing-over', successor: 'b' }) }),
    }),
    ['handing-over', 'well'],
    /a is handing over to b/,
  ],
  [
    'a takeover',
    sight({
      status: storeStatus({
        ...NO_LIVE,
        nodes: [STOPPED, backupStatus({ role: 'taking-over', sinceMs: NOW_MS - 3_000 })],
      }),
    }),
    ['taking-over'],
    /b is taking over since 3\.00 s/,
  ],
  [
    'a lock that is held by nobody who runs',
    sight({ status: storeStatus({ ...NO_LIVE, nodes: [STOPPED, backupStatus()] }) }),
    ['nobody-live-lock-held'],
    /b cannot get the lock.* The last one was a on host-1, epoch 7\./,
  ],
  [
    'no node at all that runs',
    sight({ status: storeStatus({ ...NO_LIVE, nodes: [STOPPED] }) }),
    ['nobody-live-no-node-runs'],
    /Nobody is live, and no node runs\./,
  ],
  [
    'a new store',
    sight({ status: storeStatus({ ...NO_LIVE, lastLive: null, nodes: [] }) }),
    ['new-store'],
    /No node has used this store yet/,
  ],
  [
    'a live node that takes no connection from here',
    sight({ unreachable: ['host-1:61613'] }),
    ['live-unreachable', 'well'],
    /takes no connection from this host at host-1:61613/,
  ],
  [
    'a live node whose store is silent',
    sight({ reports: [STALLED] }),
    ['live-stalled', 'well'],
    /confirms nothing: the store has not answered it for 12 s \(write \/store\/journal\/1\)/,
  ],
  [
    'a live node without a fresh verification',
    sight({ reports: [nodeReport({ confirms: false, verifiedAgoMs: 2_500 })] }),
    ['live-stalled', 'well'],
    /its ownership was verified 2\.50 s ago/,
  ],
  [
    'a backup whose store is silent',
    sight({
      reports: [nodeReport({ node: 'b', role: 'backup', confirms: false, storeSilence: SILENCE })],
    }),
    ['backup-cut-off', 'well'],
    /b on host-1 is backup, and the store has not answered it for 12 s/,
  ],
  [
    'a node that hands over while its store is silent',
    sight({
      reports: [nodeReport({ role: 'handing-over', confirms: false, storeSilence: SILENCE })],
    }),
    ['live-stalled', 'well'],
    /a on host-1 is handing-over and confirms nothing/,
  ],
  [
    'a node that has ended',
    sight({ reports: [nodeReport({ role: 'fenced', confirms: false, storeSilence: SILENCE })] }),
    ['well'],
    /could take over now/,
  ],
  [
    'a full disk',
    sight({ reports: [nodeReport({ producersHeld: 'the disk is full' })] }),
    ['producers-held', 'well'],
    /a holds producers back: the disk is full\./,
  ],
];

for (const [what, seen, names, sentence] of CASES) {
  test(`${what} is ${names[0]}`, () => {
    const found = findSituations(seen);
    assert.deepEqual(
      found.map(({ name }) => name),
      names,
    );
    assert.match(found[0].sentence, sentence);
    for (const { name, advice } of found) assert.equal(advice === '', name === 'well', name);
  });
}

test('a store that does not answer this host, while the live node confirms, is silent here', () => {
  const [first] = findSituations({
    ...sight({ reports: [nodeReport()] }),
    status: null,
    trouble: 'has not answered this host for 5.00 s',
  });
  assert.equal(first.name, 'store-silent-here');
  assert.match(
    first.sentence,
    /not answered this host for 5\.00 s, but a on host-1 is live and confirms/,
  );
});

test('a store that answers neither this host nor the live node is silent everywhere', () => {
  const seen = {
    ...sight({ reports: [STALLED] }),
    status: null,
    trouble: 'has not answered this host for 5.00 s',
  };
  assert.deepEqual(
    findSituations(seen).map(({ name }) => name),
    ['store-silent-everywhere', 'live-stalled'],
  );
});

test('when no node could be asked either, the advice says how to ask one', () => {
  const [first] = findSituations({
    ...sight(),
    status: null,
    trouble: 'has not answered this host for 5.00 s',
  });
  assert.equal(first.name, 'store-silent-everywhere');
  assert.match(first.advice, /--node HOST:PORT/);
});

test('every situation has a page in the runbook, and the runbook no other', async () => {
  const runbook = await readFile(
    new URL('../../../../../docs/runbook.md', import.meta.url),
    'utf8',
  );
  const headings = [...runbook.matchAll(/^## `([a-z-]+)`$/gm)].map(([, name]) => name);
  assert.deepEqual([...headings].sort(), [...SITUATIONS].sort());
});
