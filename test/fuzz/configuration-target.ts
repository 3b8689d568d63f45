/**
 * Configuration from anywhere: a frozen configuration that keeps all rules, or one error that
 * says which of the things given is wrong.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import * as v from 'valibot';
import { stringify } from 'yaml';
import { AddressRules, DEAD_LETTER_PREFIX } from '../../src/broker/address-settings.js';
import { type ConfigurationSources, loadConfig } from '../../src/config/load.js';
import { RELATIONS } from '../../src/config/relations.js';
import { type Config, ConfigSchema } from '../../src/config/schema.js';
import { ADDRESS_SETTINGS, SECTIONS, SETTINGS } from '../../src/config/settings.js';
import { HoldfastError } from '../../src/platform/errors.js';
import { type ByteEdit, byteEdit, editedBytes } from './stomp-frames.js';
import { defineTarget } from './target.js';

const FILE_NAME = 'fuzz.yaml';

interface GivenConfiguration {
  readonly hostName: string;
  readonly yaml: string;
  readonly edits: readonly ByteEdit[];
  readonly environment: { readonly [name: string]: string };
  readonly flags: readonly { readonly path: string; readonly value: unknown }[];
}

const PATHS = SETTINGS.map(({ path }) => path);

const settingValue = fc.oneof(
  fc.constantFrom(
    '/store',
    '127.0.0.1:1',
    '[::1]:61613',
    '0.0.0.0:1',
    'host:99999',
    'info',
    'json',
  ),
  fc.constantFrom(0, 1, -1, 1.5, 100, 4096, 1e6, 16_777_216, 2 ** 53, 1e300),
  fc.boolean(),
  fc.jsonValue({ maxDepth: 2 }),
);

const settingPath = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom(...PATHS) },
  fc.constantFrom(...SECTIONS, 'stomp.lissen', '__proto__', 'stomp.__proto__', 'constructor', ''),
  fc.string({ maxLength: 8 }),
);

/** Within its range, where rules between settings can still be broken. */
const allowedSetting = fc
  .constantFrom(...SETTINGS.filter(({ type }) => type.kind === 'integer'))
  .chain(({ path, type }) => {
    const { minimum = 0, maximum = 0 } = type.kind === 'integer' ? type : {};
    const value = fc.oneof(
      fc.constantFrom(minimum, maximum),
      fc.integer({ min: minimum, max: Math.min(maximum, minimum + 5000) }),
    );
    return fc.tuple(fc.constant(path), value);
  });

/** Sections as people write them, with anything in them. */
const settingsYaml = fc
  .array(fc.oneof(allowedSetting, fc.tuple(settingPath, settingValue)), { maxLength: 5 })
  .map((pairs) => {
    // One mapping for each section: YAML wants its keys unique.
    const sections = new Map<string, unknown>();
    for (const [path, value] of pairs) {
      const [first = '', second] = path.split('.');
      const section = sections.get(first);
      if (second === undefined) sections.set(first, value);
      else if (section instanceof Map) section.set(second, value);
      else sections.set(first, new Map([[second, value]]));
    }
    return stringify(sections);
  });

const addressName = fc.constantFrom('a', 'b', 'c', 'a.b', 'DLQ.a', 'DLQ.b', 'dead');
const addressPattern = fc.oneof(
  addressName,
  fc.constantFrom('>', '#', 'a.>', 'a.#', '*', '*.b', 'a.*', '*.>', 'DLQ.>'),
  fc.constantFrom('', 'a.>.b', '/queue/a', 'temporary:1', '__proto__', 'constructor', 'a,b'),
  fc.string({ maxLength: 8 }),
);
const RULE_KEYS = ADDRESS_SETTINGS.map(({ path }) => path);

/** Rules that are mostly right, so that what they say together is seen too. */
const addressesYaml = fc
  .dictionary(
    fc.oneof({ weight: 4, arbitrary: addressName }, addressPattern),
    fc.oneof(
      { weight: 4, arbitrary: fc.record({ deadLetterAddress: addressName }) },
      fc.record(
        {
          deadLetterAddress: fc.oneof(addressName, fc.constantFrom('', 'a.*', 'temporary:1')),
          expiryAddress: addressName,
          maxMessages: fc.integer({ min: 0, max: 5 }),
          whenFull: fc.constantFrom('block', 'drop', 'reject', 'page'),
          redeliveryDelayMultiplier: fc.constantFrom(1, 1.5, 0, Number.NaN),
        },
        { requiredKeys: [] },
      ),
      fc.dictionary(fc.oneof(fc.constantFrom(...RULE_KEYS), fc.string()), settingValue),
      fc.jsonValue({ maxDepth: 1 }),
    ),
    { maxKeys: 5 },
  )
  .map((rules) => stringify(rules));

/** What YAML has beyond keys and values. */
const spicedYaml = fc
  .array(
    fc.constantFrom(
      ...['store: /s\n', 'stomp:\n', '  listen: 1\n', 'a: &a {b: *a}\n', '? [x]\n', ': y\n'],
      ...[
        '*a : 1\n',
        '&a x: 1\n',
        '<<: *a\n',
        '!!binary x',
        '- 1\n',
        '---\n',
        '...\n',
        '%YAML 1.2\n',
      ],
      ...[
        'name: !!int 3\n',
        '"\\ud800": 1\n',
        '{',
        '}',
        '[',
        ']',
        '|\n',
        '? {a: 1}\n',
        'name: 0x1F\n',
      ],
      ...[
        'limits: {maxQueues: 5}\n',
        'name: *b\n',
        '? &b {c: *b}\n: 1\n',
        '!!set {a}\n',
        '\t',
        '#',
      ],
    ),
    { maxLength: 8 },
  )
  .map((parts) => parts.join(''));

const environmentName = fc.oneof(
  fc.constantFrom(...SETTINGS.map((setting) => setting.environmentName)),
  fc.constantFrom('HOLDFAST_', 'HOLDFAST_CONFIG', 'HOLDFAST_STOMP', 'PATH', 'HOLDFAST___PROTO__'),
);

export const configuration = defineTarget<GivenConfiguration>({
  name: 'configuration',
  promise: 'any configuration is valid and frozen, or refused with the name of what is wrong',
  inputsInTests: 500,
  inputs: fc.record({
    hostName: fc.oneof(fc.constantFrom('alpha', 'a.b-c', '-', ''), fc.string({ maxLength: 70 })),
    yaml: fc.oneof(
      settingsYaml.map((yaml) => `store: /s\n${yaml === '{}\n' ? '' : yaml}`),
      settingsYaml,
      addressesYaml.map((yaml) => `store: /s\naddresses:\n${yaml.replace(/^/gm, '  ')}`),
      spicedYaml,
      fc.string(),
    ),
    edits: fc.oneof(
      { weight: 3, arbitrary: fc.constant([]) },
      fc.array(byteEdit, { maxLength: 3 }),
    ),
    environment: fc.oneof(
      fc.dictionary(environmentName, fc.oneof(valueText(), fc.string()), { maxKeys: 3 }),
      addressesYaml.map((yaml) => ({ HOLDFAST_ADDRESSES: yaml })),
    ),
    flags: fc.array(fc.record({ path: fc.constantFrom(...PATHS), value: settingValue }), {
      maxLength: 2,
    }),
  }),
  check: ({ hostName, yaml, edits, environment, flags }) => {
    const text = new TextDecoder().decode(editedBytes(new TextEncoder().encode(yaml), edits));
    checkConfiguration({
      hostName,
      file: { name: FILE_NAME, text },
      environment,
      flags: flags.map((flag) => ({ ...flag, source: `--${flag.path}` })),
    });
  },
});

function checkConfiguration(sources: ConfigurationSources): void {
  let config: ReturnType<typeof loadConfig>;
  try {
    config = loadConfig(sources);
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    assert.match(error.code, /^(CONFIG_INVALID|ADDRESS_EXPOSED)$/);
    const places = [
      FILE_NAME,
      'host name of this machine',
      'No store directory is given',
      ...PATHS,
      ...Object.keys(sources.environment),
      ...sources.flags.map(({ source }) => source),
    ];
    assert.ok(
      places.some((place) => error.message.includes(place)),
      `names nothing: ${error.message}`,
    );
    assert.match(error.message, /[.?]$/);
    return;
  }
  assert.deepEqual(config, v.parse(ConfigSchema, config), 'not as the schema says');
  for (const { path, holds } of RELATIONS) assert.ok(holds(config), `${path} breaks a rule`);
  for (const part of [config, ...Object.values(config)]) assert.ok(Object.isFrozen(part));
  checkDeadLettersEnd(config);
}

/** Whatever fails everywhere comes to rest, and no setting is missing. */
function checkDeadLettersEnd({ addresses, limits }: Config): void {
  const rules = new AddressRules(addresses, limits);
  const names = ['a', 'b', 'c', 'a.b', 'dead', 'x', ...addresses.map(({ pattern }) => pattern)];
  for (const start of names) {
    const way = new Set<string>();
    for (let name: string | null = start; name !== null; ) {
      assert.ok(!way.has(name), `what fails in ${start} goes round: ${[...way]}`);
      way.add(name);
      const settings = rules.settingsFor({ kind: 'queue', name });
      assert.ok(Object.values(settings).every((value) => value !== undefined));
      const to: string = settings.deadLetterAddress ?? DEAD_LETTER_PREFIX + name;
      name = to === name || to === '' ? null : to;
    }
  }
}

function valueText(): fc.Arbitrary<string> {
  return fc.constantFrom('1', '0', '-5', '1e3', 'true', 'TRUE', '/s', ' ', '99999999999999999999');
}
