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
        // From the last confirmation on, for a guest takes its time to start the program that kills.
        const { atMs, afterMs } = await pair.load.changeTo(backup.broker, killedAtMs);
        times.push(atMs - afterMs);
        assert.equal(await live.untilRestarted(run, 'backup'), SIGKILL_CODE);
        [live, backup] = [backup, live];
        await pair.untilReady(backup);
      }
      times.sort((x, y) => x - y);
      await pair.finish({ medianMs: times[KILLS / 2] ?? 0, worstMs: times.at(-1) ?? 0 });
    });

    test('SIGTERM to the live node, which hands over first', async (t) => {
      const pair = await LabPair.start(t, lab);
      const { run } = pair.live;
      const toldAtMs = Date.now();
      await pair.live.signal('TERM');
      const tookMs = await pair.load.confirmedBy('b', toldAtMs);
      assert.equal(await pair.live.untilRestarted(run, 'backup'), 0);
      assert.equal(pair.backup.run, 0);
      await pair.finish({ tookMs });
    });

    test('a handover that an operator asks for, there and back', async (t) => {
      const pair = await LabPair.start(t, lab);
      const askedAtMs = Date.now();
      await pair.holdfast('b', 'handover');
      const thereMs = await pair.load.confirmedBy('b', askedAtMs);
      await pair.live.untilRole('backup');
      await pair.untilReady(pair.live);
      const backAtMs = Date.now();
      await pair.holdfast('b', 'handover --to a');
      const backMs = await pair.load.confirmedBy('a', backAtMs);
      assert.deepEqual([pair.live.run, pair.backup.run], [0, 0]);
      await pair.finish({ thereMs, backMs });
    });

    test("power cut of the live node's host", async (t) => {
      const pair = await LabPair.start(t, lab);
      const cutAtMs = Date.now();
      await lab.powerOff('a');
      const tookMs = await pair.load.confirmedBy('b', cutAtMs);
      const lockMs = pair.backup.sinceMs('taking-over') - cutAtMs;
      await lab.boot('a');
      await pair.live.stop();
      await pair.live.start().untilRole('backup');
      await pair.untilReady(pair.live);
      await pair.finish({ tookMs, lockMs });
    });
  });
}
