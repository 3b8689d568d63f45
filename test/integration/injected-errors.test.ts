/**
 * P1, P3, P6: every call that a node makes to its store is made to fail in a real process. The node
 * says why and ends, or goes on where the table says so; the other node has everything confirmed.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EXIT_CODE_OF_ERROR } from '../../src/cli/exit-codes.js';
import type { Fault } from '../support/fault-injection/fault.js';
import { FaultyPair } from '../support/fault-injection/faulty-pair.js';
import { INJECTED_ERRORS, type InjectedError } from '../support/fault-injection/injected-errors.js';
import type { NodeProcess } from '../support/node-process.js';

/** Each has a store and two nodes of its own, which mostly wait for one another. */
const CHAPTERS_AT_A_TIME = 3;
/** Long enough for a machine that is busy, short enough to wait for. */
const STALL_LIMIT_MS = 3_000;
const STALL_LIMIT = { HOLDFAST_OWNERSHIP_STORE_STALL_LIMIT_MS: `${STALL_LIMIT_MS}` } as const;

const callsOfTheLive = new Set<string>();

describe('P1, P6: errors of the file system', { concurrency: CHAPTERS_AT_A_TIME }, () => {
  for (const { chapter, scenario, errors } of INJECTED_ERRORS) {
    test(`${chapter}: the node says why, and nothing confirmed is lost`, async (t) => {
      const pair = await FaultyPair.start(t);
      for (const error of errors) {
        const isHanging = error.effect.kind === 'hang';
        const fault: Fault = { ...error, name: nameOf(error) };
        const settings = isHanging ? STALL_LIMIT : {};
        const victim = await pair.startVictim(scenario, [fault], settings);
        if (error.outcome === 'goes on') await goesOn(pair, victim, error);
        else if (error.outcome === 'lacks room') await lacksRoom(victim, error);
        else await endsAs(victim, error);
        await pair.partnerServes();
      }
      await pair.finish();
      pair.processes.forEach(noteCalls);
    });
  }
});

test('every call of a live node was made to fail', () => {
  const known = new Set(INJECTED_ERRORS.flatMap(({ errors }) => errors.map(({ at }) => at)));
  const unknown = [...callsOfTheLive].filter((call) => !known.has(call as InjectedError['at']));
  assert.deepEqual(unknown, []);
});

async function goesOn(pair: FaultyPair, victim: NodeProcess, error: InjectedError): Promise<void> {
  const name = nameOf(error);
  await victim.until(`${name} strikes`, () => struck(victim).length > 0);
  const role = error.at.startsWith('backup') ? 'backup' : 'live';
  await victim.untilRole(role);
  const struckAtMs = Date.now();
  const lastsMs = error.effect.kind === 'hang' ? 2 * STALL_LIMIT_MS : 0;
  do await pair.load.confirmsMore(100);
  while (Date.now() - struckAtMs < lastsMs);
  assert.ok(victim.isRunning, `${name}: ${victim.complaint}`);
  assert.equal(victim.role, role, name);
  await victim.kill();
}

/** Acknowledgements fill the last segment in the end, and with it the tenure ends; this is long before. */
async function lacksRoom(victim: NodeProcess, error: InjectedError): Promise<void> {
  await victim.untilEvent('no-room');
  assert.ok(victim.isRunning, `${nameOf(error)}: ${victim.complaint}`);
  assert.equal(victim.role, 'live', nameOf(error));
  await victim.kill();
}

async function endsAs(victim: NodeProcess, error: InjectedError): Promise<void> {
  const { outcome } = error;
  await victim.until(`${nameOf(error)} strikes`, () => struck(victim).length > 0);
  const end = await victim.end(nameOf(error));
  const how = `${nameOf(error)}: ${JSON.stringify(end)} ${victim.complaint}`;
  assert.equal(struck(victim)[0], nameOf(error), how);
  assert.ok(outcome !== 'goes on' && outcome !== 'lacks room');
  if (outcome === 'stalled' && end.signal === 'SIGKILL') {
    assert.equal(
      victim.log.findLast(({ level }) => level === 'error')?.event,
      'store-stalled',
      how,
    );
    return;
  }
  const code = outcome === 'stalled' ? 'STORE_STALLED' : outcome;
  assert.equal(victim.log.findLast(({ event }) => event === 'node-failed')?.code, code, how);
  assert.equal(end.code, EXIT_CODE_OF_ERROR[code], how);
}

function struck(victim: NodeProcess): string[] {
  const lines = victim.log.filter(({ event }) => event === 'fault-struck');
  return lines.map(({ message }) => message);
}

function nameOf({ at, when, effect }: InjectedError): string {
  const what = effect.kind === 'fail' ? effect.errno : effect.kind;
  return `${what} ${when} ${at}`;
}

function noteCalls(node: NodeProcess): void {
  for (const { event, message } of node.log) {
    if (event === 'store-called' && message.startsWith('live: ')) callsOfTheLive.add(message);
  }
}
