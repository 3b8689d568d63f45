/** What a hand on the store does to the nodes that use it. Each scenario prints its figures. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Broker } from '../../scripts/lab/hosts.js';
import { STORE_IN_GUESTS } from '../../scripts/lab/places.js';
import { atEnd } from '../support/at-end.js';
import { labFor, labObstacle, VERSIONS } from './lab-for.js';
import { LabPair } from './lab-pair.js';
import { SupervisedNode } from './supervised-node.js';

const DAMAGED_CODE = 6;
const CHANGES_OF_EACH_HOST = 8;
const CHANGES_LIMIT_MS = 300_000;

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

    test('the users are changed on two hosts at one moment: every change is there, and no node reads half a file', async (t) => {
      const file = `${STORE_IN_GUESTS}/users.yaml`;
      const change = (broker: Broker, words: string, count: number): Promise<string> =>
        lab.run(
          broker,
          `for i in $(seq ${count}); do
            echo secret-of-someone | holdfast user ${words}$i --users-file ${file} --password-stdin || exit
          done`,
          { user: 'holdfast', timeoutMs: CHANGES_LIMIT_MS },
        );
      await lab.run('s', `find ${STORE_IN_GUESTS} -mindepth 1 -delete`);
      await change('a', 'add --role admin removed', CHANGES_OF_EACH_HOST);
      const node = new SupervisedNode(lab, 'b');
      atEnd(t, () => node.stop());
      const settings = {
        HOLDFAST_SECURITY_USERS_FILE: file,
        HOLDFAST_ALLOW_ANONYMOUS: 'false',
      };
      await node.start({ settings }).untilRole('live');
      await Promise.all([
        change('a', 'add --role admin of-a-', CHANGES_OF_EACH_HOST),
        change('b', 'add --role admin of-b-', CHANGES_OF_EACH_HOST),
        change('b', 'remove removed', CHANGES_OF_EACH_HOST),
      ]);
      const numbers = Array.from({ length: CHANGES_OF_EACH_HOST }, (_, index) => index + 1);
      const expected = numbers.flatMap((index) => [`of-a-${index}`, `of-b-${index}`]).toSorted();
      for (const broker of ['a', 'b'] as const) {
        const list = await lab.run(broker, `holdfast user list --users-file ${file}`, {
          user: 'holdfast',
        });
        const names = list.split('\n').flatMap((line) => line.split(':')[0] || []);
        assert.deepEqual(names.toSorted(), expected, broker);
      }
      const hasAll = (): boolean =>
        node.log.some(({ event, users }) => event === 'users-changed' && users === expected.length);
      await node.until('it knows all of them', hasAll);
      assert.deepEqual(
        node.log.filter(({ event }) => event === 'users-refused'),
        [],
      );
    });
  });
}
