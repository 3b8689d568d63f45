/**
 * What fence 1 must not cost: a write that waits for the server while another host is given the lock
 * fails soon after the heal. Of a file that may be read too it did not, and its process never ended
 * (docs/decisions/0008-write-only-segments.md).
 */
import assert from 'node:assert/strict';
import { createInterface } from 'node:readline';
import { describe, test } from 'node:test';
import { PROJECT_IN_GUESTS, STORE_IN_GUESTS } from '../../scripts/lab/places.js';
import { atEnd } from '../support/at-end.js';
import { within } from '../support/eventually.js';
import { labFor, labObstacle, SMALL_WRITES, VERSIONS } from './lab-for.js';

const FILE = `${STORE_IN_GUESTS}/late-write`;
const PROGRAM = `${PROJECT_IN_GUESTS}/dist/test/lab/late-writer-program.js`;
const AS_NODE = { user: 'holdfast' };
const TAKEOVER_LIMIT_MS = 60_000;
const END_LIMIT_MS = 30_000;

for (const version of VERSIONS) {
  describe(`a late write on NFSv${version}`, { skip: labObstacle }, () => {
    const lab = labFor(version, SMALL_WRITES);

    test('one that began after a cut fails soon after the heal when another host was given the lock', async (t) => {
      await lab.run('a', `dd if=/dev/zero of=${FILE} bs=1M count=16 conv=fsync`, AS_NODE);
      // As when other things needed the memory: the pages that a block ends in are not in it.
      await lab.run('a', 'echo 1 > /proc/sys/vm/drop_caches');
      const writer = lab.spawn('a', `exec node ${PROGRAM} ${FILE}`, AS_NODE);
      atEnd(t, () => writer.signal('SIGKILL'));
      const lines = createInterface({ input: writer.stdout })[Symbol.asyncIterator]();
      const next = async (): Promise<string> =>
        (await within('the writer says something', lines.next(), END_LIMIT_MS)).value;
      assert.equal(await next(), 'written');
      await lab.partition('a', 's', { oneWay: false });
      writer.write('\n');
      const take = `until flock --nonblock ${FILE} rm ${FILE}; do sleep 0.2; done`;
      await lab.run('b', take, { ...AS_NODE, timeoutMs: TAKEOVER_LIMIT_MS });
      await lab.heal();
      const healedAtMs = Date.now();
      const said = await next();
      assert.match(said, /^failed: /);
      assert.equal((await within('it ends', writer.ended, END_LIMIT_MS)).code, 0);
      t.diagnostic(`ended ${Date.now() - healedAtMs} ms after the heal, ${said}`);
    });
  });
}
