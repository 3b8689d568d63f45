import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ConfigurationSources, loadConfig } from '../../../src/config/load.js';

interface Given {
  readonly yaml?: string;
  readonly environment?: ConfigurationSources['environment'];
  readonly flags?: { readonly [path: string]: unknown };
}

function load({ yaml, environment = {}, flags = { store: '/store' } }: Given) {
  return loadConfig({
    hostName: 'host-1',
    file: yaml === undefined ? null : { name: 'holdfast.yaml', text: yaml },
    environment,
    flags: Object.entries(flags).map(([path, value]) => ({ path, value, source: `--${path}` })),
  });
}

function refuses(promise: string, given: Given, code: string, sentence: string): void {
  test(promise, () => {
    assert.throws(() => load(given), { name: 'HoldfastError', code, message: sentence });
  });
}

test('defaults serve a node that only knows its store', () => {
  const config = load({});
  assert.equal(config.store, '/store');
  assert.equal(config.name, 'host-1');
  assert.equal(config.stomp.listen, '127.0.0.1:61613');
  assert.equal(config.allowAnonymous, false);
  assert.equal(config.log.level, 'info');
});

test('flags go over the environment, the environment over the file, the file over defaults', () => {
  const yaml = [
    'name: file',
    'limits: {maxQueues: 5, defaultPrefetch: 6}',
    'stomp: {listen: "1"}',
    '',
  ].join('\n');
  const config = load({
    yaml,
    environment: { HOLDFAST_STOMP_LISTEN: '2', HOLDFAST_LIMITS_MAX_QUEUES: '7', OTHER: 'x' },
    flags: { store: '/store', 'stomp.listen': '3' },
  });
  assert.equal(config.name, 'file');
  assert.equal(config.limits.defaultPrefetch, 6);
  assert.equal(config.limits.maxQueues, 7);
  assert.equal(config.stomp.listen, '3');
});

test('an environment variable is named after the path of its setting', () => {
  const config = load({
    environment: {
      HOLDFAST_STORE: '/from/environment',
      HOLDFAST_LIMITS_QUEUE_MAX_MESSAGES: '12',
      HOLDFAST_ALLOW_ANONYMOUS: 'true',
      HOLDFAST_NAME: '',
    },
    flags: {},
  });
  assert.equal(config.store, '/from/environment');
  assert.equal(config.limits.queueMaxMessages, 12);
  assert.equal(config.allowAnonymous, true);
  assert.equal(config.name, 'host-1');
});

test('an empty file and an empty section change nothing', () => {
  assert.deepEqual(load({ yaml: '' }), load({}));
  assert.deepEqual(load({ yaml: '# nothing\nstomp:\n' }), load({}));
});

test('nothing in a loaded configuration can be changed', () => {
  const config = load({});
  assert.throws(() => Object.assign(config, { name: 'other' }), TypeError);
  assert.throws(() => Object.assign(config.limits, { maxQueues: 1 }), TypeError);
});

refuses(
  'a missing store is refused with the three ways to give one',
  { flags: {} },
  'CONFIG_INVALID',
  'No store directory is given; pass --store DIR, set HOLDFAST_STORE, or write "store: DIR" into the configuration file.',
);
refuses(
  'an unknown key is refused with the nearest known one and its line',
  { yaml: 'stomp:\n  listn: 1\n' },
  'CONFIG_INVALID',
  'Unknown key stomp.listn in holdfast.yaml, line 2; did you mean stomp.listen?',
);
refuses(
  'an unknown section is refused with the nearest known one',
  { yaml: 'limit:\n  maxQueues: 1\n' },
  'CONFIG_INVALID',
  'Unknown key limit in holdfast.yaml, line 1; did you mean limits?',
);
refuses(
  'an unknown key that is like nothing is refused without a guess',
  { yaml: 'zookeeperQuorum: 3\n' },
  'CONFIG_INVALID',
  'Unknown key zookeeperQuorum in holdfast.yaml, line 1.',
);
refuses(
  'an unknown variable is refused with the nearest known one',
  { environment: { HOLDFAST_STOMP_LISTN: '1' } },
  'CONFIG_INVALID',
  'Unknown environment variable HOLDFAST_STOMP_LISTN; did you mean HOLDFAST_STOMP_LISTEN?',
);
refuses(
  'a wrong type says what was given, where, and what is allowed',
  { yaml: 'limits:\n  maxQueues: many\n' },
  'CONFIG_INVALID',
  'limits.maxQueues in holdfast.yaml, line 2 must be a whole number from 1 to 1000000, but is "many".',
);
refuses(
  'a fraction is not a whole number',
  { yaml: 'limits: {maxQueues: 1.5}' },
  'CONFIG_INVALID',
  'limits.maxQueues in holdfast.yaml, line 1 must be a whole number from 1 to 1000000, but is 1.5.',
);
refuses(
  'a key without a value is refused',
  { yaml: 'name:\n' },
  'CONFIG_INVALID',
  'name in holdfast.yaml, line 1 must be a letter or digit, followed by at most 62 letters, digits, dots, dashes or underscores, but is null.',
);
refuses(
  'a value out of its range is refused with the range',
  { environment: { HOLDFAST_STOMP_MAX_HEADERS: '7' } },
  'CONFIG_INVALID',
  'stomp.maxHeaders in HOLDFAST_STOMP_MAX_HEADERS must be a whole number from 8 to 10000, but is 7.',
);
refuses(
  'a boolean variable must be true or false',
  { environment: { HOLDFAST_ALLOW_ANONYMOUS: 'yes' } },
  'CONFIG_INVALID',
  'allowAnonymous in HOLDFAST_ALLOW_ANONYMOUS must be true or false, but is "yes".',
);
refuses(
  'a choice lists what there is',
  { flags: { store: '/store', 'log.level': 'loud' } },
  'CONFIG_INVALID',
  'log.level in --log.level must be one of trace, debug, info, warn, error, silent, but is "loud".',
);
refuses(
  'a section that holds a plain value is refused',
  { yaml: 'stomp: 61613\n' },
  'CONFIG_INVALID',
  'stomp in holdfast.yaml, line 1 is a section and must hold settings below it.',
);
refuses(
  'a setting that holds a section is refused',
  { yaml: 'name: {a: 1}\n' },
  'CONFIG_INVALID',
  'name in holdfast.yaml, line 1 must be a letter or digit, followed by at most 62 letters, digits, dots, dashes or underscores, but is a list or a section.',
);
refuses(
  'a file that is a list is refused',
  { yaml: '- store\n' },
  'CONFIG_INVALID',
  'holdfast.yaml must hold settings as "key: value" lines, but holds something else.',
);
refuses(
  'YAML that cannot be read is refused with line and column',
  { yaml: 'name: a\nstore: "x\n' },
  'CONFIG_INVALID',
  'holdfast.yaml is not valid YAML at line 3, column 1: Missing closing "quote.',
);
refuses(
  'a key given twice is refused',
  { yaml: 'name: a\nname: b\n' },
  'CONFIG_INVALID',
  'holdfast.yaml is not valid YAML at line 2, column 1: Map keys must be unique.',
);
refuses(
  'confirmations that one late check would stop are refused',
  { yaml: 'ownership: {freshMs: 500, checkIntervalMs: 250}' },
  'CONFIG_INVALID',
  'ownership.freshMs in holdfast.yaml, line 1 must be more than twice ownership.checkIntervalMs (250), but is 500: one late verification would stop confirmations.',
);
refuses(
  'a stall limit below the freshness is refused, also when the other is a default',
  { environment: { HOLDFAST_OWNERSHIP_STORE_STALL_LIMIT_MS: '2000' } },
  'CONFIG_INVALID',
  'ownership.storeStallLimitMs in HOLDFAST_OWNERSHIP_STORE_STALL_LIMIT_MS must be more than ownership.freshMs (2000), but is 2000: the node would exit before its ownership is even in doubt.',
);
refuses(
  'a batch larger than a segment is refused',
  { yaml: 'journal: {segmentBytes: 65536}' },
  'CONFIG_INVALID',
  'journal.segmentBytes in holdfast.yaml, line 1 must be at least journal.maxBatchBytes (1048576), but is 65536: every block would need a segment of its own.',
);
refuses(
  'a body that fits no transaction is refused, and a default is called one',
  { yaml: 'stomp: {maxBodyBytes: 33554432}' },
  'CONFIG_INVALID',
  'limits.maxTransactionBytes (default) must be at least stomp.maxBodyBytes (33554432), but is 16777216: a message could be sent alone but never in a transaction.',
);
refuses(
  'a body that would disconnect every topic subscriber is refused',
  { yaml: 'limits: {topicBacklogMaxBytes: 1024}' },
  'CONFIG_INVALID',
  'limits.topicBacklogMaxBytes in holdfast.yaml, line 1 must be at least stomp.maxBodyBytes (16777216), but is 1024: one message would disconnect every subscriber of its topic.',
);
refuses(
  'a default prefetch above the largest is refused',
  { yaml: 'limits: {maxPrefetch: 10}' },
  'CONFIG_INVALID',
  'limits.maxPrefetch in holdfast.yaml, line 1 must be at least limits.defaultPrefetch (1000), but is 10: the default would be more than anybody may ask for.',
);
refuses(
  'an address that is none is refused',
  { flags: { store: '/store', 'stomp.listen': 'here' } },
  'CONFIG_INVALID',
  'stomp.listen in --stomp.listen must be [HOST:]PORT with a port from 0 to 65535, such as 61613, 127.0.0.1:61613 or [::1]:61613, but is "here".',
);
refuses(
  'an advertised address needs host and port',
  { yaml: 'stomp: {advertise: "61613"}' },
  'CONFIG_INVALID',
  'stomp.advertise in holdfast.yaml, line 1 must be HOST:PORT with a port from 1 to 65535, such as broker-1:61613 or [fd00::1]:61613, but is "61613".',
);
refuses(
  'a listener that other hosts can reach is refused without users',
  { yaml: 'stomp: {listen: "0.0.0.0:61613"}' },
  'ADDRESS_EXPOSED',
  'stomp.listen in holdfast.yaml, line 1 is 0.0.0.0:61613, which other hosts can reach, and no users are configured; listen on 127.0.0.1, name a file of users with security.usersFile, or pass --allow-anonymous when everybody who reaches it may use it.',
);

test('a port alone may be a number in YAML', () => {
  const config = load({ yaml: 'stomp: {listen: 61700}\nadmin: {listen: 0}' });
  assert.deepEqual([config.stomp.listen, config.admin.listen], ['61700', '0']);
});

test('a listener that other hosts can reach is served when anonymous use is allowed', () => {
  const config = load({ yaml: 'allowAnonymous: true\nstomp: {listen: "0.0.0.0:61613"}' });
  assert.equal(config.stomp.listen, '0.0.0.0:61613');
});

const TLS_FILES = 'tls: {certificate: a.crt, key: a.key}\n';

test('listeners for TLS are served beside those without, which stay as they are', () => {
  const config = load({ yaml: `${TLS_FILES}amqp: {tlsListen: "5671"}` });
  assert.equal(config.amqp.tlsListen, '5671');
  assert.equal(config.amqp.listen, undefined);
  assert.equal(config.amqp.clientCertificates, 'none');
  assert.equal(config.tls.minimumVersion, 'TLSv1.2');
  assert.equal(config.stomp.listen, '127.0.0.1:61613');
});

refuses(
  'a listener for TLS needs its files',
  { yaml: 'tls: {certificate: a.crt}\nstomp: {tlsListen: "61612"}' },
  'CONFIG_INVALID',
  'stomp.tlsListen in holdfast.yaml, line 2 needs tls.key: name a PEM file (docs/security.md).',
);

refuses(
  'files for TLS that no listener uses are refused: nothing would be encrypted',
  { yaml: TLS_FILES },
  'CONFIG_INVALID',
  'tls.certificate in holdfast.yaml, line 1 is used by no listener; set stomp.tlsListen, amqp.tlsListen or admin.tlsListen, or leave it out.',
);

refuses(
  'certificates of clients need an authority that vouches for them',
  { yaml: `${TLS_FILES}amqp: {tlsListen: "5671", clientCertificates: required}` },
  'CONFIG_INVALID',
  'amqp.clientCertificates in holdfast.yaml, line 2 is required, but tls.authority is not set; name a PEM file with the certificates of the authorities that sign those of clients.',
);

refuses(
  'certificates of clients need TLS',
  { yaml: 'amqp: {listen: "5672", clientCertificates: optional}' },
  'CONFIG_INVALID',
  'amqp.clientCertificates in holdfast.yaml, line 1 is optional, but amqp.tlsListen is not set.',
);

refuses(
  'an empty path is none',
  { yaml: 'tls: {certificate: "", key: a.key}\nstomp: {tlsListen: "61612"}' },
  'CONFIG_INVALID',
  'tls.certificate in holdfast.yaml, line 1 must be the path of a file, but is empty.',
);

refuses(
  'TLS alone keeps nobody out: without users other hosts are not served',
  { yaml: `${TLS_FILES}admin: {tlsListen: "0.0.0.0:8162"}` },
  'ADDRESS_EXPOSED',
  'admin.tlsListen in holdfast.yaml, line 2 is 0.0.0.0:8162, which other hosts can reach, and no users are configured; listen on 127.0.0.1, name a file of users with security.usersFile, or pass --allow-anonymous when everybody who reaches it may use it.',
);

refuses(
  'the versions of TLS that are known to be weak cannot be allowed',
  { yaml: `tls: {minimumVersion: TLSv1.1}` },
  'CONFIG_INVALID',
  'tls.minimumVersion in holdfast.yaml, line 1 must be one of TLSv1.2, TLSv1.3, but is "TLSv1.1".',
);
