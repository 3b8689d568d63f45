/** Which fences hold on the lab's file servers, as two doctors see it, one of which is cut off. Prints what they saw. */
import assert from 'node:assert/strict';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import type { Broker } from '../../scripts/lab/hosts.js';
import type { Lab } from '../../scripts/lab/lab.js';
import { STORE_IN_GUESTS } from '../../scripts/lab/places.js';
import { NFS_SERVERS } from '../../scripts/lab/settings.js';
import { within } from '../support/eventually.js';
import { labFor, labObstacle, VERSIONS } from './lab-for.js';

/** The trials take a minute or two where processors are scarce. */
const TRIALS_LIMIT_MS = 300_000;

interface Report {
  readonly verdict: string;
  readonly fences: readonly { readonly number: number; readonly shown: string }[];
  readonly peer: {
    readonly trials: readonly {
      readonly name: string;
      readonly outcome: string;
      readonly detail: string;
    }[];
  };
}

/** A doctor on that host; `onSentence` is called with each thing that it tells whoever waits. */
async function examine(
  lab: Lab,
  host: Broker,
  options: string,
  onSentence: (sentence: string) => void,
): Promise<Report> {
  const command = `exec holdfast doctor ${STORE_IN_GUESTS} --peer --json --wait 120 ${options}`;
  const doctor = lab.spawn(host, command, { user: 'holdfast' });
  const said: string[] = [];
  createInterface({ input: doctor.stderr }).on('line', (line) => {
    said.push(line);
    onSentence(line);
  });
  try {
    const done = Promise.all([text(doctor.stdout), doctor.ended]);
    const [report, { code }] = await within('the doctor ends', done, TRIALS_LIMIT_MS);
    assert.equal(code, 0, said.join('\n'));
    return JSON.parse(report) as Report;
  } finally {
    doctor.signal('SIGKILL');
  }
}

for (const server of NFS_SERVERS) {
  for (const version of VERSIONS) {
    describe(`two doctors on NFSv${version}, server: ${server}`, { skip: labObstacle }, () => {
      const lab = labFor(version, { server });

      test('show all four fences when one of them is cut off until the other has its lock', async (t) => {
        const changes: Promise<void>[] = [];
        const reports = await Promise.all([
          examine(lab, 'a', '--lease cut', (sentence) => {
            if (!sentence.includes('cut this host off')) return;
            changes.push(lab.partition('a', 's', { oneWay: false }));
          }),
          examine(lab, 'b', '', (sentence) => {
            if (sentence.includes('join the host again')) changes.push(lab.heal());
          }),
        ]);
        await Promise.all(changes);
        assert.equal(changes.length, 2, 'it was cut off and joined again');
        for (const { name, outcome, detail } of reports[1].peer.trials) {
          t.diagnostic(`${outcome} ${name}: ${detail}`);
        }
        for (const { verdict, fences } of reports) {
          assert.equal(verdict, 'ok');
          const shown = fences.map(({ number, shown }) => `${number} ${shown}`);
          assert.deepEqual(
            shown,
            [1, 2, 3, 4].map((number) => `${number} between-hosts`),
          );
        }
      });
    });
  }
}
