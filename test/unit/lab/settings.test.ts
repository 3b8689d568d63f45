import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseGuest, parseHost } from '../../../scripts/lab/hosts.js';
import { checkDelay, checkLoss } from '../../../scripts/lab/link.js';
import {
  checkLabName,
  checkSettings,
  DEFAULT_SETTINGS,
  type LabSettings,
  parseBrokers,
} from '../../../scripts/lab/settings.js';

test('the default settings are accepted', () => {
  assert.doesNotThrow(() => checkSettings(DEFAULT_SETTINGS));
});

const REFUSED: readonly (readonly [Partial<LabSettings>, RegExp])[] = [
  [{ leaseSeconds: 9 }, /--lease takes a whole number from 10 to 3600, not 9/],
  [{ leaseSeconds: Number.NaN }, /--lease takes .* not NaN/],
  [{ graceSeconds: 10.5 }, /--grace takes .* not 10.5/],
  [{ leaseSeconds: 30 }, /--grace \(10\) must not be below --lease \(30\)/],
  [{ memoryMb: 64 }, /--memory takes a whole number from 192/],
  [{ brokers: [] }, /--hosts names no broker/],
  [
    { server: 'ganesha', graceSeconds: 181 },
    /--grace takes a whole number from 10 to 180, not 181/,
  ],
  [{ server: 'ganesha', nfs3: true }, /--server ganesha serves NFSv4 only/],
  [{ server: 'ganesha', writeMode: 'async' }, /leave out --export async/],
  [{ mountOptions: 'soft timeo=5' }, /--mount-options takes a list with commas/],
  [{ mountOptions: "soft';reboot;'" }, /--mount-options takes a list with commas/],
];

for (const [change, sentence] of REFUSED) {
  test(`${JSON.stringify(change)} is refused`, () => {
    assert.throws(() => checkSettings({ ...DEFAULT_SETTINGS, ...change }), sentence);
  });
}

test('brokers are named in any order, each once', () => {
  assert.deepEqual(parseBrokers('c,a,c'), ['a', 'c']);
  assert.throws(() => parseBrokers('a,s'), /--hosts names the brokers/);
  assert.throws(() => parseBrokers('a,d'), /There is no host "d"; the hosts are s, a, b, c, h/);
});

test('hosts that cannot be switched off are told apart', () => {
  assert.equal(parseHost('h'), 'h');
  assert.throws(() => parseGuest('h'), /h is a namespace of this machine/);
});

test('names of labs are fit for names of namespaces and folders', () => {
  assert.equal(checkLabName('ci-4711'), 'ci-4711');
  for (const name of ['', '../x', 'A', '-a', 'a.h', 'a b', 'a'.repeat(32)]) {
    assert.throws(() => checkLabName(name), /--name takes/, name);
  }
});

test('delays and losses have limits', () => {
  assert.doesNotThrow(() => checkDelay(0));
  assert.doesNotThrow(() => checkLoss(0.5));
  for (const delay of [-1, 1.5, 60_001, Number.NaN]) assert.throws(() => checkDelay(delay));
  for (const loss of [-1, 101, Number.NaN]) assert.throws(() => checkLoss(loss));
});
