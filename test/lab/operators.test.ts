/** What a hand on the store does to the nodes that use it. Each scenario prints its figures. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { STORE_IN_GUESTS } from '../../scripts/lab/places.js';
import { labFor, labObstacle, VERSIONS } from './lab-for.js';
import { LabPair } from './lab-pair.js';
import type { SupervisedNode } from './supervised-node.js';

const DAMAGED_CODE = 6;

for (const version of VERSIONS) {
  describe(`operators with NFSv${version}`, { skip: labObstacle }, () => {
    const lab = labFor(version);

    test('the lock file is deleted under a live node: one node serves all the same', async (t) => {
      const pair = await LabPair.start(t, lab);
      await lab.run('s', `rm ${STORE_IN_GUESTS}/lock`);
      await pair.live.until('the live node ends', () => pair.live.run > 0);
      await pair.load.confirmsMore(1_000);
      await pair.finish({
        endedWith: pair.live.ends[0] ?? '',
        ends: pair.live.run + pair.backup.run,
      });
    });

    test('the segments are deleted under a live node: nobody goes on as if they were there', async (t) => {
      const pair = await LabPair.start(t, lab);
      await lab.run('s', `rm ${STORE_IN_GUESTS}/journal/*.segment`);
      await pair.live.until('the live node ends', () => pair.live.run > 0);
      const hasRefused = (node: SupervisedNode): boolean => node.ends.includes(DAMAGED_CODE);
      for (const node of pair.nodes) {
        await node.until(`${node.broker} refuses the journal`, () => hasRefused(node));
      }
      const { confirmed, findings } = pair.load.report;
      assert.deepEqual(findings, []);
      const refusal = pair.backup.log.findLast(({ level }) => level === 'error')?.message ?? '';
      assert.match(refusal, /segment/);
      t.diagnostic(`confirmed ${confirmed}; ${refusal}`);
    });
  });
}
