/** The ledger has to see each kind of fault that the test beside it looks for. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ExactlyOnceLedger, MOVED_FROM, MOVED_TO, READ } from './exactly-once-ledger.js';

/** One message that is read and one that is moved, each sent again, and one of a commit in doubt. */
const GOOD = [
  'plain confirmed plain-0/1',
  'reader-1 delivered plain-0/1',
  'plain confirmed plain-0/2',
  'reader-2 redelivered plain-0/1',
  'transacted-2 TransactionRolledBackException transacted-2-0/1 transacted-2-1/1',
  'transacted-2 confirmed transacted-2-0/2 transacted-2-1/2',
  'mover-1 in-doubt transacted-2-0/1',
  'mover-2 in-doubt transacted-2-1/1',
  'mover-1 moved transacted-2-1/1',
  'once.to counted transacted-2-0/1',
  'once.to counted transacted-2-1/1',
  'all counted',
];
const STORED: Readonly<Record<string, number>> = { [READ]: 1, [MOVED_FROM]: 2, [MOVED_TO]: 2 };

function check(lines: readonly string[], stored = STORED): void {
  const ledger = new ExactlyOnceLedger();
  for (const line of lines) ledger.record(line);
  ledger.check(new Map(Object.entries(stored)));
}

test('the ledger accepts what was sent again and came once, and counts it', () => {
  check(GOOD);
  const ledger = new ExactlyOnceLedger();
  for (const line of GOOD) ledger.record(line);
  assert.ok(ledger.isCounted);
  assert.equal(
    ledger.summary,
    '3 messages, 4 sends of them confirmed, 3 of these dropped as duplicates; ' +
      'not confirmed, for TransactionRolledBackException 2; of these sends 2 had been carried out all the same; ' +
      'readers: 2 deliveries, 1 marked as redelivered, 0 came again without the mark; ' +
      'movers: 0 rolled back before a commit, 2 in a commit that failed, 1 of these committed all the same',
  );
});

for (const [line, reason] of [
  ['plain confirmed plain-1/1', /lost by readers: plain-1/],
  ['reader-1 delivered plain-1/1', /never confirmed to a producer: plain-1/],
  ['reader-1 delivered plain-0/2', /copies of two sends: plain-0/],
  ['transacted-2 confirmed transacted-2-2/1', /lost by movers: transacted-2-2/],
  ['once.to counted transacted-2-1/1', /twice where it was moved to: transacted-2-1/],
  ['mover-2 moved transacted-2-1/1', /two transactions that were committed: transacted-2-1/],
  ['once.from left transacted-2-1/1', /left in a queue/],
  ['DLQ.once.read left plain-0/1', /dead-letter queue: plain-0/],
  ['plain ended jakarta.jms.JMSException: anything', /told by the program/],
] as const) {
  test(`the ledger refuses: ${line}`, () => assert.throws(() => check([...GOOD, line]), reason));
}

test('the ledger refuses an entry too many, which nobody may have noticed', () => {
  const reason = /entries that the journal ever had/;
  assert.throws(() => check(GOOD, { ...STORED, [MOVED_FROM]: 3 }), reason);
  assert.throws(() => check(GOOD, { ...STORED, [`DLQ.${READ}`]: 1 }), reason);
});
