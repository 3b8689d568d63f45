/** P1-P5 on real NFS with a million messages in a queue: a backup that was not there reads them all. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { labFor, labObstacle, VERSIONS } from './lab-for.js';
import { LabPair } from './lab-pair.js';

const MESSAGES = 1_000_000;
/** Each is its own number, filled up with zeros to 200 bytes. */
const BODIES = `seq -f '%0200.0f' ${MESSAGES}`;
const QUEUE = '/queue/backlog';
const TRANSFER_LIMIT_MS = 20 * 60_000;
/** The index of a million messages, in a guest that has room for it. */
const MEMORY_MB = 1024;

for (const version of VERSIONS) {
  describe(`a backlog on NFSv${version}`, { skip: labObstacle }, () => {
    const lab = labFor(version, { memoryMb: MEMORY_MB });

    test('a million messages, and a backup that starts when the live node dies', async (t) => {
      const pair = await LabPair.start(t, lab, { load: { pauseMs: 20 } });
      const { live, backup } = pair;
      await backup.stop();
      const exec = (command: string) => lab.run('h', command, { timeoutMs: TRANSFER_LIMIT_MS });
      const filledFromMs = Date.now();
      await exec(`${BODIES} | holdfast send ${QUEUE} - --url stomp://${live.stompAddress}`);
      const fillMs = Date.now() - filledFromMs;

      const killedAtMs = Date.now();
      await live.stop();
      await backup.start().untilRole('live');
      const tookMs = await pair.load.confirmedBy('b', killedAtMs);

      const receivedFromMs = Date.now();
      const difference = await exec(
        `holdfast receive ${QUEUE} --count ${MESSAGES} --url stomp://${backup.stompAddress} | cmp - <(${BODIES})`,
      );
      assert.equal(difference, '');
      const drainMs = Date.now() - receivedFromMs;
      await pair.finish({ backlog: MESSAGES, fillMs, tookMs, drainMs });
    });
  });
}
