/** The file server restarts, loses its power, hangs, fills up or takes nothing any more. Each scenario prints its figures. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { NETWORK_OF_HOSTS } from '../../scripts/lab/hosts.js';
import { STORE_IN_GUESTS } from '../../scripts/lab/places.js';
import { atEnd } from '../support/at-end.js';
import { eventually } from '../support/eventually.js';
import { labFor, labObstacle, NFS_SERVER, VERSIONS } from './lab-for.js';
import { LabPair } from './lab-pair.js';

/** Beyond `ownership.storeStallLimitMs`, which is 30 s. */
const LONG_PAUSE_MS = 60_000;
const SHORT_PAUSE_MS = 10_000;
/** A node that ended is started again; the server has its grace time before it grants a lock. */
const RECOVERY_LIMIT_MS = 180_000;
const FILLER = `${STORE_IN_GUESTS}-filler`;

const WITHOUT_EXPORTFS =
  NFS_SERVER === 'kernel' ? false : `SKIPPED: ${NFS_SERVER} has no exportfs.`;

for (const version of VERSIONS) {
  for (const nfs3 of NFS_SERVER === 'kernel' ? [false, true] : [false]) {
    const title = `restarts of a server of NFSv${version}, NFSv3 ${nfs3 ? 'on' : 'off'}`;
    describe(title, { skip: labObstacle }, () => {
      const lab = labFor(version, { nfs3 });

      test('its NFS service restarts: a pause, and nothing else', async (t) => {
        const pair = await LabPair.start(t, lab);
        const { sessions } = pair.load.report;
        await lab.restartNfs();
        const restartedAtMs = Date.now();
        await pair.load.confirmsMore(1_000, RECOVERY_LIMIT_MS);
        const { longestGap } = pair.load.report;
        assert.deepEqual([pair.live.role, pair.live.run, pair.backup.run], ['live', 0, 0]);
        assert.equal(pair.load.report.sessions, sessions, 'no client had to connect again');
        await pair.finish({ backAfterMs: longestGap.endedAtMs - restartedAtMs });
      });

      test('its host loses its power and boots', async (t) => {
        const pair = await LabPair.start(t, lab);
        await lab.powerOff('s');
        await lab.boot('s');
        const bootedAtMs = Date.now();
        await pair.load.confirmsMore(1_000, RECOVERY_LIMIT_MS);
        const { longestGap } = pair.load.report;
        await pair.finish({
          backAfterMs: longestGap.endedAtMs - bootedAtMs,
          ends: pair.live.run + pair.backup.run,
        });
      });
    });
  }

  describe(`a server of NFSv${version} that hangs, fills up or refuses`, {
    skip: labObstacle,
  }, () => {
    const lab = labFor(version);

    test('it hangs for 10 s: a pause, and nothing else', async (t) => {
      const pair = await LabPair.start(t, lab);
      const { sessions } = pair.load.report;
      lab.pause('s');
      await delay(SHORT_PAUSE_MS);
      lab.resume('s');
      const resumedAtMs = Date.now();
      await pair.load.confirmsMore(1_000, RECOVERY_LIMIT_MS);
      const { longestGap } = pair.load.report;
      assert.ok(longestGap.gapMs >= SHORT_PAUSE_MS - 1_000, 'nothing was confirmed meanwhile');
      assert.deepEqual([pair.live.role, pair.live.run, pair.backup.run], ['live', 0, 0]);
      assert.equal(pair.load.report.sessions, sessions, 'no client had to connect again');
      await pair.finish({ backAfterMs: longestGap.endedAtMs - resumedAtMs });
    });

    test('it hangs for 60 s: the live node gives up and comes back', async (t) => {
      const pair = await LabPair.start(t, lab);
      lab.pause('s');
      await delay(LONG_PAUSE_MS);
      lab.resume('s');
      const resumedAtMs = Date.now();
      await pair.load.confirmsMore(1_000, RECOVERY_LIMIT_MS);
      const { longestGap } = pair.load.report;
      await pair.live.until('the live node has ended once', () => pair.live.run > 0);
      await pair.finish({
        backAfterMs: longestGap.endedAtMs - resumedAtMs,
        endedWith: pair.live.ends[0] ?? '',
      });
    });

    test('its disk is full for a while: producers wait, and nothing is lost', async (t) => {
      // Otherwise they may be held for what is left before the journal meets the end of it.
      const settings = { HOLDFAST_JOURNAL_MIN_FREE_BYTES: '0' };
      const pair = await LabPair.start(t, lab, { settings });
      const { sessions } = pair.load.report;
      const free = `df --block-size=1 --output=avail ${STORE_IN_GUESTS} | tail -1`;
      await lab.run('s', `fallocate --length "$(${free})" ${FILLER}`);
      atEnd(t, () => lab.run('s', `rm -f ${FILLER}`));
      await pair.live.until('it tells that there is no room', () =>
        pair.live.log.some(({ event }) => event === 'no-room'),
      );
      const areHeld = async (): Promise<boolean> =>
        (await pair.live.report()).producersHeld !== null;
      await eventually('producers wait', areHeld, RECOVERY_LIMIT_MS);
      await lab.run('s', `rm ${FILLER}`);
      const freedAtMs = Date.now();
      await pair.load.confirmsMore(1_000, RECOVERY_LIMIT_MS);
      assert.deepEqual([pair.live.role, pair.live.run, pair.backup.run], ['live', 0, 0]);
      assert.equal(pair.load.report.sessions, sessions, 'no client had to connect again');
      const { longestGap } = pair.load.report;
      await pair.finish({ backAfterMs: longestGap.endedAtMs - freedAtMs });
    });

    test('its export becomes read-only for a while: nobody serves, then somebody does', {
      skip: WITHOUT_EXPORTFS,
    }, async (t) => {
      const pair = await LabPair.start(t, lab);
      const exportAs = (access: 'ro' | 'rw'): Promise<string> => {
        const options = `${access},sync,no_subtree_check,root_squash`;
        return lab.run('s', `exportfs -o ${options} ${NETWORK_OF_HOSTS}:${STORE_IN_GUESTS}`);
      };
      atEnd(t, () => exportAs('rw'));
      await exportAs('ro');
      await pair.live.until('the live node ends', () => pair.live.run > 0);
      const { confirmed } = pair.load.report;
      await pair.backup.until('the other one cannot serve either', () => pair.backup.run > 0);
      assert.equal(pair.load.report.confirmed, confirmed, 'nobody serves meanwhile');
      await exportAs('rw');
      const writableAtMs = Date.now();
      await pair.load.confirmsMore(1_000, RECOVERY_LIMIT_MS);
      const { longestGap } = pair.load.report;
      await pair.finish({
        backAfterMs: longestGap.endedAtMs - writableAtMs,
        endedWith: pair.live.ends[0] ?? '',
      });
    });
  });
}
