/** The checker of all other tests here sees what it is there to see. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MessageLedger } from '../support/message-ledger.js';

const FIRST = {
  session: 'a-1',
  producer: 'p',
  number: 1,
  messageId: '10',
  isRedelivered: false,
} as const;

function check(
  what: string,
  record: (ledger: MessageLedger) => void,
  expected: RegExp | null,
  ledger = new MessageLedger(),
) {
  test(what, () => {
    for (const number of [1, 2, 3]) ledger.sent('p', number);
    record(ledger);
    const findings = ledger.findings().join('\n');
    if (expected === null) assert.equal(findings, '');
    else assert.match(findings, expected);
  });
}

check(
  'a confirmed message that came is in order',
  (ledger) => {
    ledger.confirmed('p', 1);
    ledger.delivered(FIRST);
  },
  null,
);
check(
  'a confirmed message that never came is lost',
  (ledger) => ledger.confirmed('p', 2),
  /message 2 of p was confirmed and never came/,
);
check(
  'a message that nobody sent is invented',
  (ledger) => ledger.delivered({ ...FIRST, number: 4 }),
  /message 4 of p was never sent/,
);
check(
  'a message under two ids is doubled',
  (ledger) => {
    ledger.delivered(FIRST);
    ledger.delivered({ ...FIRST, messageId: '11' });
  },
  /doubled by the broker/,
);
check(
  'a message under two ids is in order when its producer sent it twice',
  (ledger) => {
    ledger.sent('p', 1);
    ledger.delivered(FIRST);
    ledger.delivered({ ...FIRST, messageId: '11' });
  },
  null,
);
check(
  'a message that comes again before its acknowledgement was confirmed is in order',
  (ledger) => {
    ledger.delivered(FIRST);
    ledger.delivered({ ...FIRST, session: 'b-1' });
  },
  null,
);
check(
  'a message that comes again after its acknowledgement was confirmed is not',
  (ledger) => {
    ledger.delivered(FIRST);
    ledger.acknowledged('10');
    ledger.delivered({ ...FIRST, session: 'b-1' });
  },
  /came again after its acknowledgement/,
);
check(
  'a later message before an earlier one is out of order',
  (ledger) => {
    ledger.delivered({ ...FIRST, number: 2, messageId: '11' });
    ledger.delivered(FIRST);
  },
  /message 1 of p came after message 2/,
);
check(
  'a message that was sent twice has no place in the order',
  (ledger) => {
    ledger.sent('p', 1);
    ledger.delivered({ ...FIRST, number: 2, messageId: '11' });
    ledger.delivered(FIRST);
  },
  null,
);
for (const redeliveredInAnyOrder of [false, true]) {
  check(
    `what was given to a broken connection has a place in the order${redeliveredInAnyOrder ? ' unless told otherwise' : ''}`,
    (ledger) => {
      ledger.delivered({ ...FIRST, number: 2, messageId: '11' });
      ledger.delivered({ ...FIRST, isRedelivered: true });
    },
    redeliveredInAnyOrder ? null : /message 1 of p came after message 2/,
    new MessageLedger({ redeliveredInAnyOrder }),
  );
}
check(
  'a node that confirms after its successor did is seen',
  (ledger) => {
    const old = ledger.openSession('a');
    ledger.confirmedBy(old);
    ledger.confirmedBy(ledger.openSession('b'));
    ledger.confirmedBy(old);
  },
  /a confirmed in an old tenure after b had confirmed/,
);
check(
  'nodes that confirm in turns, each in a tenure of its own, are in order',
  (ledger) => {
    for (const node of ['a', 'b', 'a', 'b']) ledger.confirmedBy(ledger.openSession(node));
  },
  null,
);
