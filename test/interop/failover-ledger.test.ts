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

test('the ledger sees transactions that come twice, in part, or although they were not committed', () => {
  const check = (history: string): void =>
    ledgerOf(history).checkTransactions((message) => message.toLowerCase(), 2);
  check('sa sA ca cA ra rA');
  check('sa sA ! ra rA');
  check('sa sA ca cA ua ! rA');
  assert.throws(() => check('sa sA ca cA ra rA ra rA'));
  assert.throws(() => check('sa sA ca cA ra'), /in part/);
  assert.throws(() => check('sa sA sb sB ! ra rA rb rB'), /commits failed/);
  assert.throws(() => check('sa sA sb sB ca cA cb cB ua uA ub ! rB'), /after a commit/);
});
