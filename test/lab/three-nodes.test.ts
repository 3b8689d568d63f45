/** P2 and P5 on real NFS with three nodes. Each scenario prints its figures. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Fault } from '../support/fault-injection/fault.js';
import { labFor, labObstacle, VERSIONS } from './lab-for.js';
import { LabPair } from './lab-pair.js';

const SIGKILL_CODE = 137;
const BROKERS = ['a', 'b', 'c'] as const;

/** The tail of the journal is in two files, and the new one counts already. */
const DIES_WHILE_SEALING: Fault = {
  name: 'dies before it removes the old tail',
  at: 'taking-over: unlink journal/#-#.segment',
  when: 'before',
  effect: { kind: 'kill' },
};

for (const version of VERSIONS) {
  describe(`three nodes on NFSv${version}`, { skip: labObstacle }, () => {
    const lab = labFor(version, { brokers: BROKERS });

    test('the live node is killed, and then the one that takes over', async (t) => {
      const pair = await LabPair.start(t, lab, {
        brokers: BROKERS,
        faults: { b: [DIES_WHILE_SEALING] },
      });
      const [, b, c] = pair.nodes;
      assert.ok(b && c);
      // So that it is b that takes over first.
      await c.signal('STOP');
      const killedAtMs = Date.now();
      await pair.live.signal('KILL');
      await b.until('it has died while it took over', () => b.run > 0);
      await c.signal('CONT');
      await pair.load.confirmsMore(1_000);
      const { longestGap } = pair.load.report;
      assert.equal(b.ends[0], SIGKILL_CODE);
      await pair.finish({ backAfterMs: longestGap.endedAtMs - killedAtMs });
    });
  });
}
