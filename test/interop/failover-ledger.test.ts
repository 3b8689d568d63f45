/** The ledger is what the other tests here believe: it has to see each kind of fault. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FailoverLedger } from './failover-ledger.js';

/** `!` is the kill; `s`, `c`, `r` and `u` with a letter are what the programs tell. */
function ledgerOf(history: string): FailoverLedger {
  const ledger = new FailoverLedger({ drainLimitMs: 0 });
  const events = { s: 'sent', c: 'confirmed', r: 'received', u: 'unknown' } as const;
  for (const entry of history.split(' ')) {
    const [event, message] = entry as unknown as [keyof typeof events, string];
    if (entry === '!') ledger.noteUnderWay();
    else ledger.record(events[event], message);
  }
  return ledger;
}

for (const history of [
  'sa ca ra ! sb cb rb',
  'sa ca ra sb ! cb rb rb',
  'sa ca sb cb ra rb ! ra rb sc cc rc',
  'sa ca sb cb ra rb ! rb sc cc rc',
  'sa ca ua ! sb cb rb',
  'sa ! sb cb rb',
]) {
  test(`the ledger accepts: ${history}`, () => ledgerOf(history).check());
}

for (const [history, reason] of [
  ['sa ca ! sb cb rb', /lost/],
  ['sa ca ra ! rx', /invented/],
  ['sa ca sb cb ra rb ! ra sc cc rc', /came again/],
] as const) {
  test(`the ledger refuses: ${history}`, () => assert.rejects(ledgerOf(history).check(), reason));
}

test('the ledger refuses transactions that come twice, or of which a part comes', () => {
  const check = (history: string): void => ledgerOf(history).checkTransactions(() => 'all', 2);
  check('sa sb ca cb ra rb');
  assert.throws(() => check('sa sb ca cb ra'));
  assert.throws(() => check('sa sb ca cb ra rb ra rb'));
});
