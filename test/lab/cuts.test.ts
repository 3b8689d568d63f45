/** P1-P5 on real NFS: hosts that run are cut off from each other. Each scenario prints its figures. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { dataAddress, type Host } from '../../scripts/lab/hosts.js';
import { eventually } from '../support/eventually.js';
import { labFor, labObstacle, NFS_SERVER, SMALL_WRITES, VERSIONS } from './lab-for.js';
import { LabPair } from './lab-pair.js';

const TENURE_ENDED_CODE = 5;
/** A thread that is stuck in the kernel cannot end in good order: the process kills itself. */
const SIGKILL_CODE = 137;
/**
 * How long a cut lasts is what each scenario is about: below the lease, beyond it, and beyond the stall limit too.
 * TCP tries again at intervals that double, so a node may be without an answer for twice as long.
 */
const SHORT_CUT_MS = 5_000;
const LONG_CUT_MS = 12_000;
const LONGEST_CUT_MS = 40_000;
/** A message is larger than one WRITE of these mounts, and at most moments none is being written. */
const LARGE_AND_SELDOM = { producers: 4, consumers: 2, window: 4, bodyBytes: 40_000, pauseMs: 200 };
/** Two of the kernel's switches: see proc(5). The second one also takes the memory of silent NFS clients. */
const DROP_WHAT_IS_CACHED_OF_FILES = 'sync; echo 1 >/proc/sys/vm/drop_caches';
const DROP_WHAT_SERVERS_KEEP_FROM_COURTESY = 'echo 2 >/proc/sys/vm/drop_caches';
const NFS_CLIENTS = '/proc/fs/nfsd/clients/*/info';
const EIGHT_PRODUCERS = { producers: 8, consumers: 2, window: 100 };

for (const version of VERSIONS) {
  describe(`cuts on NFSv${version}`, { skip: labObstacle }, () => {
    const lab = labFor(version, SMALL_WRITES);
    const cut = (x: Host, y: Host): Promise<void> => lab.partition(x, y, { oneWay: false });

    test('the live node cut off from the store for 5 s: a pause, and nothing else', async (t) => {
      const pair = await LabPair.start(t, lab);
      const { sessions } = pair.load.report;
      await cut('a', 's');
      await delay(SHORT_CUT_MS);
      await lab.heal();
      const healedAtMs = Date.now();
      await pair.load.confirmsMore(100);
      const { longestGap } = pair.load.report;
      assert.ok(longestGap.gapMs >= SHORT_CUT_MS - 1_000, 'nothing was confirmed meanwhile');
      assert.deepEqual([pair.live.role, pair.live.run, pair.backup.role], ['live', 0, 'backup']);
      assert.equal(pair.load.report.sessions, sessions, 'no client had to connect again');
      await pair.finish({ backAfterMs: longestGap.endedAtMs - healedAtMs });
    });

    test('the live node cut off from the store, not from its clients, for 40 s under load', async (t) => {
      const pair = await LabPair.start(t, lab, { load: EIGHT_PRODUCERS });
      const { run } = pair.live;
      const cutAtMs = Date.now();
      await cut('a', 's');
      const tookMs = await pair.load.confirmedBy('b', cutAtMs);
      await delay(cutAtMs + LONGEST_CUT_MS - Date.now());
      await lab.heal();
      const code = await pair.live.untilRestarted(run, 'backup', 120_000);
      assert.ok([TENURE_ENDED_CODE, SIGKILL_CODE].includes(code), `it ended with ${code}`);
      assert.equal(pair.backup.run, 0);
      await pair.untilReady(pair.live);
      await pair.finish({ tookMs, endedWith: code });
    });

    test('the live node cut off from the store until the other has taken over: it ends, and comes back as a backup', async (t) => {
      const pair = await LabPair.start(t, lab, { load: LARGE_AND_SELDOM });
      const { run } = pair.live;
      const cutAtMs = Date.now();
      await cut('a', 's');
      await pair.backup.untilRole('live');
      const tookMs = Date.now() - cutAtMs;
      await lab.heal();
      const healedAtMs = Date.now();
      // Its write began after the cut, and goes on when its lock is lost (docs/decisions/0008-write-only-segments.md).
      assert.equal(await pair.live.untilRestarted(run, 'backup'), TENURE_ENDED_CODE);
      const backAfterMs = Date.now() - healedAtMs;
      assert.equal(pair.backup.run, 0);
      await pair.untilReady(pair.live);
      await pair.finish({ tookMs, backAfterMs });
    });

    test('the live node cut off for 12 s with nobody to take over: it keeps the lock and goes on', async (t) => {
      const pair = await LabPair.start(t, lab, { brokers: ['a'] });
      await roomInMemoryOf('s');
      const cutAtMs = Date.now();
      await cut('a', 's');
      const saysSo = async (): Promise<boolean> => {
        const { role, confirms, storeSilence } = await pair.live.report('h');
        return role === 'live' && !confirms && storeSilence !== null;
      };
      await eventually('it answers, confirms nothing, and says why', saysSo, LONG_CUT_MS);
      await delay(cutAtMs + LONG_CUT_MS - Date.now());
      await lab.heal();
      const healedAtMs = Date.now();
      await pair.load.confirmsMore(100);
      const { longestGap } = pair.load.report;
      assert.ok(longestGap.gapMs >= LONG_CUT_MS - 1_000, 'nothing was confirmed meanwhile');
      assert.deepEqual([pair.live.role, pair.live.run], ['live', 0]);
      await pair.finish({ backAfterMs: longestGap.endedAtMs - healedAtMs });
    });

    test('the live node cut off for 40 s with nobody to take over: it ends, and serves again when healed', async (t) => {
      const pair = await LabPair.start(t, lab, { brokers: ['a'] });
      const { run } = pair.live;
      await cut('a', 's');
      await delay(LONGEST_CUT_MS);
      await lab.heal();
      const healedAtMs = Date.now();
      const code = await pair.live.untilRestarted(run, 'live', 120_000);
      assert.ok([TENURE_ENDED_CODE, SIGKILL_CODE].includes(code), `it ended with ${code}`);
      await pair.load.confirmsMore(100);
      const { longestGap } = pair.load.report;
      await pair.finish({ backAfterMs: longestGap.endedAtMs - healedAtMs, endedWith: code });
    });

    test('the backup cut off from the store until the server gives it up: clients notice nothing, and it goes on', async (t) => {
      const pair = await LabPair.start(t, lab);
      const { sessions } = pair.load.report;
      await cut('b', 's');
      await untilGivenUp();
      await lab.heal();
      const isReclaimed = (): boolean =>
        pair.backup.log.some(({ event }) => event === 'status-reclaimed');
      await pair.backup.until('it has lost the lock of its status file', isReclaimed);
      await pair.untilReady(pair.backup);
      assert.deepEqual([pair.live.run, pair.backup.run], [0, 0]);
      assert.equal(pair.load.report.sessions, sessions, 'no client had to connect again');
      await pair.finish({});
    });

    /** The one client that the server hears nothing of. */
    const untilGivenUp = async (): Promise<void> => {
      // The other one gives up whoever is silent for longer than the lease.
      if (NFS_SERVER !== 'kernel') return delay(LONG_CUT_MS);
      // Empty when the server knows it no more: somebody may have asked for what it had.
      const statusOfB = async (): Promise<string> => {
        // A client that is given up meanwhile takes its file with it.
        const ofB = `[[ $told == *'"${dataAddress('b')}:'* ]] && sed -n 's/^status: //p' <<< "$told"`;
        const told = 'told=$(cat "$info" 2>/dev/null) || continue';
        return lab.run('s', `for info in ${NFS_CLIENTS}; do ${told}; ${ofB}; done; true`);
      };
      const isSilent = async (): Promise<boolean> => (await statusOfB()).trim() !== 'confirmed';
      await eventually('the server keeps b from courtesy at most', isSilent, LONGEST_CUT_MS);
      await lab.run('s', DROP_WHAT_SERVERS_KEEP_FROM_COURTESY);
      const isGone = async (): Promise<boolean> => (await statusOfB()).trim() === '';
      await eventually('the server has given b up', isGone);
    };

    /** A server that is short of memory gives up clients that are silent for longer than their lease. */
    const roomInMemoryOf = async (host: Host): Promise<void> => {
      await lab.run(host, DROP_WHAT_IS_CACHED_OF_FILES);
    };
  });
}
