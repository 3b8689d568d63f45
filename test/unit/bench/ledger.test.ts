import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Ledger, type LedgerSummary } from '../../../bench/ledger.js';

const NOTHING_WRONG: LedgerSummary = {
  confirmed: 3,
  received: 3,
  duplicates: 0,
  lost: 0,
  invented: 0,
  disordered: 0,
};

/** One producer that has sent four messages and three confirmations. */
function check(received: readonly number[], expected: Partial<LedgerSummary>): void {
  const ledger = new Ledger({ checksOrder: true });
  ledger.sent(5, 4);
  ledger.confirmed(5, 3);
  for (const sequence of received) ledger.receive(5, sequence);
  assert.deepEqual(ledger.summary(), { ...NOTHING_WRONG, ...expected });
}

describe('the ledger of the benchmark', () => {
  it('is content when every confirmed message came once', () => {
    check([0, 1, 2], {});
  });

  it('counts a confirmed message that never came as lost', () => {
    check([0, 2], { received: 2, lost: 1 });
  });

  it('takes a message that was sent and never confirmed', () => {
    check([0, 1, 2, 3], { received: 4 });
  });

  it('counts a message that came twice', () => {
    check([0, 1, 1, 2], { duplicates: 1 });
  });

  it('counts a message that nobody sent', () => {
    check([0, 1, 2, 4], { invented: 1 });
    const ledger = new Ledger({ checksOrder: true });
    ledger.receive(1, 0);
    assert.equal(ledger.summary().invented, 1);
  });

  it('counts a first delivery that a later message overtook, and no second one', () => {
    check([0, 2, 1, 0], { disordered: 1, duplicates: 1 });
  });

  it('does not look at the order where several consumers share a queue', () => {
    const ledger = new Ledger({ checksOrder: false });
    ledger.sent(0, 2);
    ledger.receive(0, 1);
    ledger.receive(0, 0);
    assert.equal(ledger.summary().disordered, 0);
  });

  it('does not forget what was sent when a producer sends it again', () => {
    const ledger = new Ledger({ checksOrder: true });
    ledger.sent(0, 10);
    ledger.sent(0, 5);
    ledger.receive(0, 9);
    assert.equal(ledger.summary().invented, 0);
  });

  it('tells thousands of messages apart', () => {
    const ledger = new Ledger({ checksOrder: true });
    const count = 20_000;
    ledger.sent(0, count);
    ledger.confirmed(0, count);
    for (let sequence = 0; sequence < count; sequence += 1) {
      if (sequence !== 12_345) ledger.receive(0, sequence);
    }
    const { received, lost } = ledger.summary();
    assert.deepEqual({ received, lost }, { received: count - 1, lost: 1 });
  });
});
