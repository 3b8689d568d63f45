import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ConfigurationSources, loadConfig } from '../../../src/config/load.js';

interface Given {
  readonly yaml?: string;
  readonly environment?: ConfigurationSources['environment'];
}

function load({ yaml = '', environment = {} }: Given) {
  return loadConfig({
    hostName: 'host-1',
    file: { name: 'holdfast.yaml', text: yaml },
    environment,
    flags: [{ path: 'store', value: '/store', source: '--store' }],
  });
}

function refuses(yaml: string, sentence: string): void {
  test(`refused: ${JSON.stringify(yaml)}`, () => {
    const message = sentence;
    assert.throws(() => load({ yaml }), { name: 'HoldfastError', code: 'CONFIG_INVALID', message });
  });
}

test('rules are read as they stand, every setting of them', () => {
  const rules = {
    'orders.>': {
      deadLetterAddress: 'DLQ.orders',
      expiryAddress: '',
      maxMessages: 5,
      maxBytes: 6,
      whenFull: 'reject',
      maxDeliveries: 7,
      redeliveryDelayMs: 8,
      redeliveryDelayMultiplier: 1.5,
      maxRedeliveryDelayMs: 9,
      duplicateIds: 0,
      defaultTimeToLiveMs: 10,
      maxTimeToLiveMs: 11,
    },
    __proto__x: { maxMessages: 1 },
    empty: {},
    nothing: null,
  };
  const config = load({ yaml: JSON.stringify({ addresses: rules }) });
  assert.deepEqual(config.addresses, [
    { pattern: 'orders.>', ...rules['orders.>'] },
    { pattern: '__proto__x', maxMessages: 1 },
  ]);
  assert.throws(() => Object.assign(config.addresses[0] as object, { maxMessages: 1 }), TypeError);
  assert.deepEqual(load({}).addresses, []);
  assert.deepEqual(load({ yaml: 'addresses:\n' }).addresses, []);
});

test('names that objects have of their own are names like others', () => {
  const yaml = 'addresses: {__proto__: {maxMessages: 1}, constructor: {maxMessages: 2}}';
  assert.deepEqual(load({ yaml }).addresses, [
    { pattern: '__proto__', maxMessages: 1 },
    { pattern: 'constructor', maxMessages: 2 },
  ]);
});

test('HOLDFAST_ADDRESSES goes over the file, setting by setting', () => {
  const yaml = 'addresses: {a: {maxMessages: 1, maxBytes: 2}}';
  const environment = { HOLDFAST_ADDRESSES: '{a: {maxBytes: 3}, b.*: {whenFull: drop}}' };
  assert.deepEqual(load({ yaml, environment }).addresses, [
    { pattern: 'a', maxMessages: 1, maxBytes: 3 },
    { pattern: 'b.*', whenFull: 'drop' },
  ]);
  assert.throws(() => load({ environment: { HOLDFAST_ADDRESSES: '{a: {maxBites: 1}}' } }), {
    message:
      'Unknown key maxBites of addresses.a in HOLDFAST_ADDRESSES, line 1; did you mean maxBytes?',
  });
});

refuses('adresses: {}', 'Unknown key adresses in holdfast.yaml, line 1; did you mean addresses?');
refuses(
  'addresses: all',
  'addresses in holdfast.yaml, line 1 must hold patterns of addresses, each with settings below it.',
);
refuses(
  'addresses:\n  a: 5',
  'addresses.a in holdfast.yaml, line 2 is a pattern of addresses and must hold settings below it.',
);
refuses(
  'addresses:\n  a.b:\n    dead-letter-address: x',
  'Unknown key dead-letter-address of addresses.a.b in holdfast.yaml, line 3; did you mean deadLetterAddress?',
);
refuses(
  'addresses:\n  a: {pattern: b}',
  'Unknown key pattern of addresses.a in holdfast.yaml, line 2.',
);
refuses(
  'addresses:\n  a.b:\n    whenFull: page',
  'addresses.a.b.whenFull in holdfast.yaml, line 3 must be one of block, drop, reject, but is "page".',
);
refuses(
  'addresses:\n  a: {maxMessages: 1}\n  b: {maxMessages: 0}',
  'addresses.b.maxMessages in holdfast.yaml, line 3 must be a whole number from 1 to 1000000000, but is 0.',
);
refuses(
  'addresses: {a: {redeliveryDelayMultiplier: 0.5}}',
  'addresses.a.redeliveryDelayMultiplier in holdfast.yaml, line 1 must be a number from 1 to 1000, but is 0.5.',
);
refuses(
  'addresses: {a: {deadLetterAddress: }}',
  'addresses.a.deadLetterAddress in holdfast.yaml, line 1 must be the name of a queue, without a prefix and wildcards, or "", but is null.',
);
const PATTERN_RULE =
  'must be a name or a pattern: 1 to 1,000 bytes, words with dots between them, * for one word, > or # as the ' +
  'last word for any number, and no commas, question marks or control characters.';
for (const pattern of ['a.>.b', '', 'a,b', '#.a']) {
  refuses(
    `addresses:\n  "${pattern}": {maxMessages: 1}`,
    `addresses.${pattern} in holdfast.yaml, line 2 ${PATTERN_RULE}`,
  );
}
for (const prefix of ['/queue/', 'topic://', 'queue/']) {
  refuses(
    `addresses:\n  ${prefix}a: {maxMessages: 1}`,
    `addresses.${prefix}a in holdfast.yaml, line 2 must be the name of queues and topics alone; leave "${prefix}" out.`,
  );
}
refuses(
  'addresses:\n  "temporary:1": {maxMessages: 1}',
  'addresses.temporary:1 in holdfast.yaml, line 2 is for temporary queues and topics, which take their settings from limits; remove it.',
);
refuses(
  'addresses:\n  a.>: {maxMessages: 1}\n  "a.#": {maxBytes: 1}',
  'addresses.a.# in holdfast.yaml, line 3 means the same as addresses.a.>; put both under one of them.',
);
for (const name of ['DLQ.*', 'a,b', 'temporary:1', '/queue/DLQ']) {
  refuses(
    `addresses: {a: {expiryAddress: "${name}"}}`,
    `addresses.a.expiryAddress in holdfast.yaml, line 1 must be the name of a queue, without a prefix and wildcards, or "", but is "${name}".`,
  );
}
refuses(
  'addresses:\n  a: {deadLetterAddress: b}\n  b: {deadLetterAddress: c}\n  c: {deadLetterAddress: b}',
  'addresses.a.deadLetterAddress in holdfast.yaml, line 2 leads in a circle: what fails goes from "b" to "c" to "b"; give one of them another deadLetterAddress.',
);

test('what ends somewhere is no circle', () => {
  const yaml =
    'addresses: {">": {deadLetterAddress: dead}, dead: {deadLetterAddress: dead}, DLQ.x: {deadLetterAddress: dead}, y: {deadLetterAddress: DLQ.x}}';
  assert.equal(load({ yaml }).addresses.length, 4);
});
