/** The network between clients and nodes, and a bad one everywhere. Each scenario prints its figures. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { labFor, labObstacle, VERSIONS } from './lab-for.js';
import type { LoadReport } from './lab-load.js';
import { LabPair } from './lab-pair.js';

const TENURE_ENDED_CODE = 5;
const SIGKILL_CODE = 137;
const LOSS_PERCENT = 5;
const LOSSY_MS = 20_000;
const CUT_MS = 40_000;

for (const version of VERSIONS) {
  describe(`networks with NFSv${version}`, { skip: labObstacle }, () => {
    const lab = labFor(version);

    test('clients cut off from the live node only: the backup passes them on', async (t) => {
      const pair = await LabPair.start(t, lab, { load: { redeliveredInAnyOrder: true } });
      const { sessions } = pair.load.report;
      await lab.partition('h', 'a', { oneWay: false });
      // Half of the clients came to `a` at first, and half to `b`.
      const haveMoved = (report: LoadReport): boolean => report.sessions >= sessions + 2;
      await pair.load.until('those of a are served by way of b', haveMoved, 90_000);
      await pair.load.confirmsMore(1_000);
      assert.deepEqual([pair.live.role, pair.live.run, pair.backup.run], ['live', 0, 0]);
      await lab.heal();
      await pair.finish({});
    });

    test('the live node and its successor cut off from the store in turn', async (t) => {
      const pair = await LabPair.start(t, lab);
      const ends: number[] = [];
      const times: number[] = [];
      for (const [live, other] of [
        [pair.live, pair.backup],
        [pair.backup, pair.live],
      ] as const) {
        const { run } = live;
        const cutAtMs = Date.now();
        await lab.partition(live.broker, 's', { oneWay: false });
        times.push(await pair.load.confirmedBy(other.broker, cutAtMs));
        await delay(cutAtMs + CUT_MS - Date.now());
        await lab.heal();
        ends.push(await live.untilRestarted(run, 'backup', 120_000));
        await pair.untilReady(live);
      }
      for (const code of ends)
        assert.ok([TENURE_ENDED_CODE, SIGKILL_CODE].includes(code), `${code}`);
      await pair.finish({ firstMs: times[0] ?? 0, secondMs: times[1] ?? 0 });
    });

    test('5 % of all frames of the brokers and the server are lost: slower, and nothing else', async (t) => {
      const pair = await LabPair.start(t, lab);
      for (const host of ['a', 'b', 's'] as const) await lab.loss(host, LOSS_PERCENT);
      const before = pair.load.report.confirmed;
      await delay(LOSSY_MS);
      const meanwhile = pair.load.report.confirmed - before;
      await lab.heal();
      await pair.load.confirmsMore(1_000);
      assert.ok(meanwhile > 0, 'messages are confirmed all the same');
      assert.deepEqual([pair.live.role, pair.live.run, pair.backup.run], ['live', 0, 0]);
      await pair.finish({ meanwhile });
    });
  });
}
