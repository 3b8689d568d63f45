import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type AddressRule,
  AddressRules,
  canonicalPattern,
  redeliveryDelay,
} from '../../../src/broker/address-settings.js';
import type { Destination } from '../../../src/broker/api.js';
import { LIMITS } from './broker-rig.js';

function settingsOf(
  rules: readonly AddressRule[],
  name: string,
  kind: Destination['kind'] = 'queue',
) {
  return new AddressRules(rules, LIMITS).settingsFor({ kind, name });
}

/** The pattern of the rule whose setting counts. */
function winner(patterns: readonly string[], name: string): string | null {
  const rules = patterns.map((pattern) => ({ pattern, expiryAddress: pattern }));
  return settingsOf(rules, name).expiryAddress || null;
}

test('what no rule says comes from the limits', () => {
  assert.deepEqual(settingsOf([], 'orders'), {
    deadLetterAddress: null,
    expiryAddress: '',
    maxMessages: LIMITS.queueMaxMessages,
    maxBytes: LIMITS.queueMaxBytes,
    whenFull: 'block',
    maxDeliveries: LIMITS.maxDeliveries,
    redeliveryDelayMs: LIMITS.redeliveryDelayMs,
    redeliveryDelayMultiplier: 1,
    maxRedeliveryDelayMs: 10 * LIMITS.redeliveryDelayMs,
    duplicateIds: LIMITS.duplicateIdsPerAddress,
    ownDuplicateIds: null,
    defaultTimeToLiveMs: 0,
    maxTimeToLiveMs: 0,
  });
});

test('each setting comes from the most exact rule that says it', () => {
  const rules: AddressRule[] = [
    { pattern: '>', maxMessages: 1, whenFull: 'drop', maxDeliveries: 2 },
    { pattern: 'orders.*', maxMessages: 3, duplicateIds: 0 },
    { pattern: 'orders.eu', maxMessages: 4, defaultTimeToLiveMs: 0 },
  ];
  const { maxMessages, whenFull, maxDeliveries, duplicateIds } = settingsOf(rules, 'orders.eu');
  assert.deepEqual([maxMessages, whenFull, maxDeliveries, duplicateIds], [4, 'drop', 2, 0]);
  assert.equal(settingsOf(rules, 'orders.us').maxMessages, 3);
  assert.equal(settingsOf(rules, 'orders').maxMessages, 1);
  assert.equal(settingsOf(rules, 'orders.eu.fast', 'topic').maxMessages, 1);
});

for (const [name, patterns] of [
  ['a.b', ['>', 'a.>', 'a.b.>', '*.*', '*.b', 'a.*', 'a.b']],
  ['a', ['#', 'a.#', '*', 'a']],
  ['a.b.c', ['>', '*.>', 'a.>', '*.b.>', 'a.*.>', 'a.b.>', '*.b.c', 'a.*.c', 'a.b.*']],
] as const) {
  test(`patterns for ${name}, the least exact first: ${patterns.join('  ')}`, () => {
    for (let count = 1; count <= patterns.length; count += 1) {
      const some = patterns.slice(0, count);
      assert.equal(winner(some, name), some.at(-1));
      assert.equal(winner(some.toReversed(), name), some.at(-1));
    }
  });
}

test('temporary queues have what the limits say', () => {
  assert.equal(settingsOf([{ pattern: '>', maxMessages: 1 }], 'temporary:1').maxMessages, 100_000);
});

/** Slow and plain: whether the pattern stands for the words. */
function matches(pattern: readonly string[], words: readonly string[]): boolean {
  const [first, ...rest] = pattern;
  if (first === undefined) return words.length === 0;
  if (first === '>' || first === '#') return true;
  return words.length > 0 && (first === '*' || first === words[0]) && matches(rest, words.slice(1));
}

const word = fc.constantFrom('a', 'b', '');
const nameArbitrary = fc
  .array(word, { minLength: 1, maxLength: 4 })
  .map((words) => words.join('.'));
const patternArbitrary = fc
  .tuple(
    fc.array(fc.oneof(word, fc.constant('*')), { maxLength: 4 }),
    fc.constantFrom('', '', '>', '#'),
  )
  .map(([words, last]) => [...words, ...(last === '' ? [] : [last])].join('.'))
  .filter((pattern) => pattern !== '');
const rulesArbitrary = fc.uniqueArray(
  fc.record(
    {
      pattern: patternArbitrary,
      maxMessages: fc.integer({ min: 1, max: 5 }),
      maxDeliveries: fc.integer({ min: 1, max: 5 }),
      whenFull: fc.constantFrom('block' as const, 'drop' as const, 'reject' as const),
    },
    { requiredKeys: ['pattern'] },
  ),
  { maxLength: 8, selector: ({ pattern }) => canonicalPattern(pattern) },
);

test('whatever the rules: only those that match count, their order does not, and none is passed over', () => {
  fc.assert(
    fc.property(rulesArbitrary, nameArbitrary, (rules, name) => {
      const settings = settingsOf(rules, name);
      assert.deepEqual(settingsOf(rules.toReversed(), name), settings);
      const matching = rules.filter(({ pattern }) => matches(pattern.split('.'), name.split('.')));
      assert.deepEqual(settingsOf(matching, name), settings);
      for (const key of ['maxMessages', 'maxDeliveries', 'whenFull'] as const) {
        const saying = matching.filter((rule) => rule[key] !== undefined);
        if (saying.length === 0) {
          assert.equal(settings[key], settingsOf([], name)[key]);
          continue;
        }
        // The one that counts for a setting counts against each of the others alone.
        const counts = saying.filter((rule) =>
          saying.every((other) => settingsOf([rule, other], name)[key] === rule[key]),
        );
        assert.ok(counts.some((rule) => rule[key] === settings[key]));
      }
      const exact = rules.find(({ pattern }) => pattern === name);
      if (exact?.maxMessages !== undefined) assert.equal(settings.maxMessages, exact.maxMessages);
    }),
    { numRuns: 3_000 },
  );
});

test('dead-letter addresses: what is in one stays there, unless a rule for just that queue says more', () => {
  const rules: AddressRule[] = [
    { pattern: '>', deadLetterAddress: 'dead' },
    { pattern: 'fast', deadLetterAddress: 'slow' },
    { pattern: 'slow', deadLetterAddress: 'DLQ.slow' },
    { pattern: 'noise', deadLetterAddress: '' },
  ];
  const leads = (name: string, kind: Destination['kind'] = 'queue') =>
    settingsOf(rules, name, kind).deadLetterAddress;
  assert.equal(leads('orders'), 'dead');
  assert.equal(leads('dead'), 'dead');
  assert.equal(leads('fast'), 'slow');
  assert.equal(leads('slow'), 'DLQ.slow');
  assert.equal(leads('DLQ.slow'), 'DLQ.slow');
  assert.equal(leads('DLQ.anything'), 'DLQ.anything');
  assert.equal(leads('noise'), '');
  // A topic has no queue of its own name.
  assert.equal(leads('dead', 'topic'), 'dead');
  assert.equal(leads('slow', 'topic'), 'DLQ.slow');
  assert.equal(settingsOf([], 'DLQ.x').deadLetterAddress, 'DLQ.x');
  assert.equal(settingsOf([], 'DLQ.x', 'topic').deadLetterAddress, null);
});

test('the delay grows with each failure, to ten times the first or as far as is said', () => {
  const delays = (rule: Omit<AddressRule, 'pattern'>) => {
    const settings = settingsOf([{ pattern: 'q', ...rule }], 'q');
    return [1, 2, 3, 4, 5, 2_000].map((failures) => redeliveryDelay(settings, failures));
  };
  assert.deepEqual(delays({}), [0, 0, 0, 0, 0, 0]);
  assert.deepEqual(delays({ redeliveryDelayMs: 100 }), [100, 100, 100, 100, 100, 100]);
  assert.deepEqual(
    delays({ redeliveryDelayMs: 100, redeliveryDelayMultiplier: 2 }),
    [100, 200, 400, 800, 1_000, 1_000],
  );
  assert.deepEqual(
    delays({ redeliveryDelayMs: 10, redeliveryDelayMultiplier: 1.5, maxRedeliveryDelayMs: 30 }),
    [10, 15, 22, 30, 30, 30],
  );
});
