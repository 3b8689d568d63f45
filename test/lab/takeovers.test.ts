/** P1-P5 on real NFS: the live node, or its host, goes away. Each scenario prints its figures. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { labFor, labObstacle, VERSIONS } from './lab-for.js';
import { LabPair } from './lab-pair.js';

const SIGKILL_CODE = 137;
const KILLS = 10;

for (const version of VERSIONS) {
  describe(`takeovers on NFSv${version}`, { skip: labObstacle }, () => {
    const lab = labFor(version);

    test('kill -9 of the live node', async (t) => {
      const pair = await LabPair.start(t, lab);
      const times: number[] = [];
      let [live, backup] = [pair.live, pair.backup];
      for (let round = 0; round < KILLS; round += 1) {
        const { run } = live;
        const killedAtMs = Date.now();
        await live.signal('KILL');
        times.push(await pair.load.confirmedBy(backup.broker, killedAtMs));
        assert.equal(await live.untilRestarted(run, 'backup'), SIGKILL_CODE);
        [live, backup] = [backup, live];
        await pair.untilReady(backup);
      }
      times.sort((x, y) => x - y);
      await pair.finish({ medianMs: times[KILLS / 2] ?? 0, worstMs: times.at(-1) ?? 0 });
    });
  });
}
