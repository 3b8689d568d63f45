/**
 * P5 on real NFS, quicker than a lease: a backup that sees the live node silent ends that host's lease by
 * `hooks.fenceCommand`, through an agent on the file server. Each scenario prints its figures.
 */
import assert from 'node:assert/strict';
import { createInterface } from 'node:readline';
import { describe, type TestContext, test } from 'node:test';
import { dataAddress } from '../../scripts/lab/hosts.js';
import type { Lab } from '../../scripts/lab/lab.js';
import { PROJECT_IN_GUESTS } from '../../scripts/lab/places.js';
import { atEnd } from '../support/at-end.js';
import { within } from '../support/eventually.js';
import { labFor, labObstacle, NFS_SERVER, VERSIONS } from './lab-for.js';
import { LabPair } from './lab-pair.js';

const PROGRAM = `${PROJECT_IN_GUESTS}/dist/test/lab/lease-ender-program.js`;
const PORT = 9_000;
const START_LIMIT_MS = 60_000;
const FENCE_AFTER_MS = 4_000;
/** A shell alone: to start anything larger takes a guest seconds. */
const END_LEASE = `bash -c '
  exec 3<>/dev/tcp/${dataAddress('s')}/${PORT}
  echo ${dataAddress('a')} >&3
  read -r ended <&3
  test "$ended" -gt 0'`;
const SETTINGS = {
  HOLDFAST_HOOKS_FENCE_COMMAND: `test "$HOLDFAST_LIVE_NODE" = a && ${END_LEASE}`,
  HOLDFAST_HOOKS_FENCE_AFTER_MS: `${FENCE_AFTER_MS}`,
};
const TENURE_ENDED_CODE = 5;
/** A thread that is stuck in the kernel cannot end in good order: the process kills itself. */
const SIGKILL_CODE = 137;
const skip =
  labObstacle || (NFS_SERVER === 'kernel' ? false : 'leases are ended by the kernel server alone');

async function startLeaseEnder(t: TestContext, lab: Lab): Promise<void> {
  const program = lab.spawn('s', `exec node ${PROGRAM} ${dataAddress('s')} ${PORT}`);
  atEnd(t, () => program.signal('SIGKILL'));
  const lines = createInterface({ input: program.stdout })[Symbol.asyncIterator]();
  await within('the agent on the server is ready', lines.next(), START_LIMIT_MS);
}

for (const version of VERSIONS) {
  describe(`fenceCommand on NFSv${version}`, { skip }, () => {
    const lab = labFor(version);

    test("power cut of the live node's host: taken over before its lease is over", async (t) => {
      await startLeaseEnder(t, lab);
      const pair = await LabPair.start(t, lab, { settings: SETTINGS });
      const cutAtMs = Date.now();
      await lab.powerOff('a');
      const tookMs = await pair.load.confirmedBy('b', cutAtMs);
      const lockMs = pair.backup.sinceMs('taking-over') - cutAtMs;
      const events = pair.backup.log.map(({ event, to }) =>
        to === undefined ? event : `is ${to}`,
      );
      const silentAt = events.indexOf('live-silent');
      assert.ok(
        silentAt >= 0 && silentAt < events.indexOf('is taking-over'),
        'the lock came first',
      );
      assert.equal(events.filter((event) => event === 'hook-run').length, 1);
      await lab.boot('a');
      await pair.live.stop();
      await pair.live.start().untilRole('backup');
      await pair.finish({ tookMs, lockMs });
    });

    test('the live node cut off from the store, under load: it confirms nothing once its lease was ended', async (t) => {
      await startLeaseEnder(t, lab);
      const load = { producers: 8, consumers: 2, window: 100 };
      const pair = await LabPair.start(t, lab, { settings: SETTINGS, load });
      const { run } = pair.live;
      const cutAtMs = Date.now();
      await lab.partition('a', 's', { oneWay: false });
      const tookMs = await pair.load.confirmedBy('b', cutAtMs);
      await lab.heal();
      const code = await pair.live.untilRestarted(run, 'backup', 120_000);
      assert.ok([TENURE_ENDED_CODE, SIGKILL_CODE].includes(code), `it ended with ${code}`);
      assert.equal(pair.backup.run, 0);
      await pair.finish({ tookMs, endedWith: code });
    });

    test('the backup cut off from the store does not fence the live node', async (t) => {
      await startLeaseEnder(t, lab);
      const pair = await LabPair.start(t, lab, { settings: SETTINGS });
      await lab.partition('b', 's', { oneWay: false });
      const report = async () => (await pair.backup.report()).storeSilence?.silentMs ?? 0;
      const silentMs = 2 * FENCE_AFTER_MS;
      while ((await report()) < silentMs) await pair.load.confirmsMore(10);
      await lab.heal();
      await pair.untilReady(pair.backup);
      assert.deepEqual([pair.live.role, pair.live.run], ['live', 0]);
      assert.equal(pair.backup.log.filter(({ event }) => event === 'live-silent').length, 0);
      await pair.finish({ silentMs });
    });
  });
}
