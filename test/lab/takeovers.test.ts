/** P1-P5 on real NFS: the live node, or its host, goes away. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { labFor } from './lab-for.js';
import { LabPair } from './lab-pair.js';

const SIGKILL_CODE = 137;

for (const version of labFor.versions) {
  describe(`takeovers on NFSv${version}`, { skip: labFor.skip }, () => {
    const lab = labFor.lab(version);

    test('kill -9 of the live node', async (t) => {
      const pair = await LabPair.start(t, lab);
      const times: number[] = [];
      let [live, backup] = [pair.live, pair.backup];
      for (let round = 0; round < 10; round += 1) {
        const { run } = live;
        const killedAtMs = Date.now();
        await live.signal('KILL');
        times.push(await pair.load.confirmedBy(backup.broker, killedAtMs, 30_000));
        assert.equal(await live.untilRestarted(run, 'backup'), SIGKILL_CODE);
        [live, backup] = [backup, live];
        await pair.untilReady(backup);
      }
      times.sort((x, y) => x - y);
      await pair.finish({ medianMs: times[5] ?? 0, worstMs: times.at(-1) ?? 0 });
    });
  });
}
