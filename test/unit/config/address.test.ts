import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  formatAddress,
  isLoopback,
  parseListenAddress,
  parseTargetAddress,
  reachableAddress,
} from '../../../src/config/address.js';

const good: readonly [string, string, number][] = [
  ['61613', '127.0.0.1', 61613],
  ['0', '127.0.0.1', 0],
  ['localhost:1', 'localhost', 1],
  ['0.0.0.0:65535', '0.0.0.0', 65535],
  ['[::1]:61613', '::1', 61613],
  ['[fe80::1%eth0]:61613', 'fe80::1%eth0', 61613],
  ['broker-1.example.com:61613', 'broker-1.example.com', 61613],
];

for (const [text, host, port] of good) {
  test(`a listen address ${text} is ${host} and ${port}`, () => {
    assert.deepEqual(parseListenAddress(text, '--stomp'), { host, port });
  });
}

for (const text of [
  '',
  ':61613',
  'host:',
  'host',
  '::1:61613',
  '[::1]',
  '65536',
  '-1',
  '6 1',
  'a:b:1',
]) {
  test(`a listen address "${text}" is refused with what is allowed`, () => {
    assert.throws(() => parseListenAddress(text, '--stomp'), {
      code: 'CONFIG_INVALID',
      message: `--stomp must be [HOST:]PORT with a port from 0 to 65535, such as 61613, 127.0.0.1:61613 or [::1]:61613, but is "${text}".`,
    });
  });
}

test('an address to connect to needs a host and a real port', () => {
  assert.deepEqual(parseTargetAddress('[::1]:5', '--url'), { host: '::1', port: 5 });
  for (const text of ['61613', 'host:0', 'host:70000']) {
    assert.throws(() => parseTargetAddress(text, '--url'), {
      code: 'CONFIG_INVALID',
      message: `--url must be HOST:PORT with a port from 1 to 65535, such as broker-1:61613 or [fd00::1]:61613, but is "${text}".`,
    });
  }
});

test('formatting gives back what was parsed', () => {
  for (const text of ['127.0.0.1:61613', '[::1]:61613', 'broker:1']) {
    assert.equal(formatAddress(parseListenAddress(text, '')), text);
  }
});

test('only addresses that cannot leave this machine count as loopback', () => {
  const loopback = ['localhost', '127.0.0.1', '127.1.2.3', '::1'];
  const exposed = ['0.0.0.0', '::', '127.evil.example', '10.0.0.1', 'broker', 'localhost.example'];
  assert.deepEqual(
    loopback.map(isLoopback),
    loopback.map(() => true),
  );
  assert.deepEqual(
    exposed.map(isLoopback),
    exposed.map(() => false),
  );
});

test('a wildcard is told to other hosts as the host name, any other address as it is', () => {
  const told = ['0.0.0.0', '::', '10.0.0.5', '::1'].map(
    (host) => reachableAddress({ host, port: 61613 }, 'broker-a').host,
  );
  assert.deepEqual(told, ['broker-a', 'broker-a', '10.0.0.5', '::1']);
});
