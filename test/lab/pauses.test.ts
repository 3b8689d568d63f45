/** P1-P5 on real NFS: the live process stops between two instructions, or in the middle of a write. Each scenario prints its figures. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Fault } from '../support/fault-injection/fault.js';
import { labFor, labObstacle, VERSIONS } from './lab-for.js';
import { LabPair } from './lab-pair.js';

const TENURE_ENDED_CODE = 5;
const SIGKILL_CODE = 137;
/** Longer than the lease of 10 s, and than `ownership.storeStallLimitMs`. */
const PAUSE_MS = 35_000;
/** Until long after the other node has taken over. */
const MID_WRITE_MS = 25_000;

/** In the middle of a block, after it has been live for a while. */
const PAUSED_MID_WRITE: Fault = {
  name: 'paused in the middle of a block',
  at: 'live: write-durable journal/#-#.segment at #',
  nth: 500,
  when: 'during',
  effect: { kind: 'delay', delayMs: MID_WRITE_MS },
};

for (const version of VERSIONS) {
  describe(`pauses on NFSv${version}`, { skip: labObstacle }, () => {
    const lab = labFor(version);

    test('SIGSTOP of the live node for 35 s: its host keeps the lock for it', async (t) => {
      // Clients give it up meanwhile, and it is live when they come back.
      const pair = await LabPair.start(t, lab, { load: { redeliveredInAnyOrder: true } });
      await pair.live.signal('STOP');
      await delay(PAUSE_MS);
      assert.equal(pair.backup.role, 'backup', 'a kernel renews the lease of a stopped process');
      await pair.live.signal('CONT');
      const resumedAtMs = Date.now();
      await pair.load.confirmsMore(1_000);
      const { longestGap } = pair.load.report;
      assert.ok(longestGap.gapMs >= PAUSE_MS - 1_000, 'nothing was confirmed meanwhile');
      await pair.finish({ backAfterMs: longestGap.endedAtMs - resumedAtMs, ends: pair.live.run });
    });

    test('paused in the middle of a write, deposed, and resumed', async (t) => {
      const pair = await LabPair.start(t, lab, { faults: { a: [PAUSED_MID_WRITE] } });
      await pair.live.until('it is paused', () =>
        pair.live.log.some(({ event }) => event === 'fault-struck'),
      );
      const pausedAtMs = Date.now();
      await lab.partition('a', 's', { oneWay: false });
      const tookMs = await pair.load.confirmedBy('b', pausedAtMs);
      await lab.heal();
      assert.ok(Date.now() - pausedAtMs < MID_WRITE_MS, 'the write goes on only now');
      const code = await pair.live.untilRestarted(0, 'backup', 120_000);
      assert.ok([TENURE_ENDED_CODE, SIGKILL_CODE].includes(code), `it ended with ${code}`);
      await pair.untilReady(pair.live);
      await pair.finish({ tookMs, endedWith: code });
    });
  });
}
