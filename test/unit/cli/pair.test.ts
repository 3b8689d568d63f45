import assert from 'node:assert/strict';
import { test } from 'node:test';
import picocolors from 'picocolors';
import type { NodeEnd } from '../../../src/cli/pair/node-process.js';
import { PairObserver } from '../../../src/cli/pair/observer.js';
import { restartDelayMs } from '../../../src/cli/pair/restart-delay.js';
import { endSentence, liveSentenceAfter, pairLines } from '../../../src/cli/pair/view.js';
import { clockText } from '../../../src/cli/text.js';
import { backupStatus, liveDocument, nodeStatus, storeStatus } from './status/store-statuses.js';

const paint = picocolors.createColors(false);
const A = { name: 'a', pid: 100, address: '127.0.0.1:61613' };
const B = { name: 'b', pid: 200, address: '127.0.0.1:61614' };

function killed(name: string, pid: number, endedAtMs: number): NodeEnd {
  return {
    name,
    pid,
    code: null,
    signal: 'SIGKILL',
    reason: '',
    errorCode: '',
    address: '127.0.0.1:61613',
    endedAtMs,
    restartInMs: 200,
  };
}

test('the table shows both nodes and invites to kill the live one', () => {
  const lines = pairLines(
    {
      store: './data',
      live: { name: 'a', epoch: 7, sinceMs: 1_000 },
      nodes: [
        { ...A, role: 'live', consoleUrl: 'http://127.0.0.1:8161/', lagBytes: null },
        { ...B, role: 'backup', consoleUrl: null, lagBytes: 2_048 },
      ],
      nowMs: 5_900,
      sendCommand: 'holdfast send',
      receiveCommand: 'holdfast receive',
    },
    paint,
  );
  assert.deepEqual(lines, [
    '',
    `a is live since ${clockText(1_000).slice(0, 8)} (4 s), epoch 7.  ./data`,
    '',
    'node  role    epoch  stomp            pid  lag',
    'a     live    7      127.0.0.1:61613  100  -',
    'b     backup  -      127.0.0.1:61614  200  2.0 KiB',
    '',
    'Try it: kill -9 100',
    '        http://127.0.0.1:8161/ in a browser',
    '        holdfast send /queue/orders "hello"',
    '        holdfast receive /queue/orders',
    'Ctrl-C ends both nodes.',
  ]);
});

test('nobody live is said, and nobody is offered to be killed', () => {
  const view = { store: './data', live: null, nodes: [], nowMs: 0 };
  const lines = pairLines({ ...view, sendCommand: 'send', receiveCommand: 'receive' }, paint);
  assert.ok(lines.includes('Nobody is live.  ./data'));
  assert.ok(!lines.some((line) => line.includes('kill')));
});

test('the first look tells who is live and who is the backup, the second tells nothing new', () => {
  const observer = new PairObserver();
  const after = { name: 'a', epoch: 7, sinceMs: 1_100 };
  assert.deepEqual(observer.look(storeStatus(), [A, B]).news, [
    { kind: 'live', before: null, after, endedAtMs: null },
    { kind: 'role', name: 'b', role: 'backup' },
  ]);
  assert.deepEqual(observer.look(storeStatus(), [A, B]).news, []);
});

test('a takeover is timed from the end of one process to the service of the other', () => {
  const observer = new PairObserver();
  observer.look(storeStatus(), [A, B]);
  observer.noteEnd(killed('a', 100, 10_000));
  const status = storeStatus({
    live: liveDocument({ node: 'b', pid: 200, epoch: 8, sinceMs: 10_100 }),
    nodes: [nodeStatus(), backupStatus({ role: 'live', sinceMs: 10_150 })],
  });
  const look = observer.look(status, [{ ...A, pid: null }, B]);
  const before = { name: 'a', epoch: 7, sinceMs: 1_100 };
  const after = { name: 'b', epoch: 8, sinceMs: 10_150 };
  assert.deepEqual(look.news, [{ kind: 'live', before, after, endedAtMs: 10_000 }]);
  assert.equal(
    liveSentenceAfter({ before, after, endedAtMs: 10_000 }, paint),
    'b is live in epoch 8, 0.15 s after a was gone.',
  );
  assert.deepEqual(
    look.nodes.map(({ role }) => role),
    ['stopped', 'live'],
  );
});

test('a live role that moves while both run is a handover', () => {
  const before = { name: 'a', epoch: 7, sinceMs: 0 };
  const after = { name: 'b', epoch: 8, sinceMs: 500 };
  assert.equal(
    liveSentenceAfter({ before, after, endedAtMs: null }, paint),
    'b is live in epoch 8, handed over by a.',
  );
});

test('what an earlier process of a node wrote does not count for the one that runs now', () => {
  const look = new PairObserver().look(storeStatus(), [{ ...A, pid: 101 }, B]);
  assert.equal(look.live, null);
  assert.equal(look.nodes[0]?.role, 'starting');
});

test('only a process that was live or a backup has served', () => {
  const observer = new PairObserver();
  const joining = backupStatus({ role: 'joining' });
  observer.look(storeStatus({ nodes: [nodeStatus(), joining] }), [A, B]);
  assert.deepEqual(
    [100, 200, undefined].map((pid) => observer.hasServed(pid)),
    [true, false, false],
  );
});

test('the end of a node says how, why and what comes next', () => {
  const end = killed('a', 100, 0);
  assert.equal(endSentence(end), 'a was ended by SIGKILL; it starts again in 0.20 s.');
  assert.equal(
    endSentence({ ...end, signal: null, code: 5, reason: 'The write failed.', restartInMs: 400 }),
    'a ended with code 5 (The write failed); it starts again in 0.40 s.',
  );
});

test('a node that dies at once is started again later and later, up to a limit', () => {
  const delays = [0];
  for (let round = 0; round < 8; round += 1) {
    delays.push(restartDelayMs(delays.at(-1) ?? 0, 100));
  }
  assert.deepEqual(delays.slice(1), [200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000]);
  assert.equal(restartDelayMs(10_000, 60_000), 200);
});
