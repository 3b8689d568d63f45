import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countedAddress } from '../../../src/security/counted-address.js';

const CASES: readonly (readonly [name: string, ...hosts: string[]])[] = [
  ['10.0.0.1', '10.0.0.1', '::ffff:10.0.0.1', '[::ffff:10.0.0.1]', '::FFFF:0a00:1'],
  ['192.0.2.255', '192.0.2.255', '0:0:0:0:0:ffff:c000:2ff'],
  ['2001:db8:1:2::/64', '2001:db8:1:2::', '[2001:0DB8:1:2:ffff::1]', '2001:db8:1:2:3:4:5:6'],
  ['2001:db8:1:3::/64', '2001:db8:1:3::1'],
  ['2001:db8:0:0::/64', '2001:db8::1', '[2001:db8::2]'],
  ['fe80:0:0:0::/64', 'fe80::1%eth0', '[fe80::2%2]'],
  ['0:0:0:0::/64', '::1', '[::1]', '0:0:0:0:0:0:0:1'],
  ['unknown', 'unknown'],
  ['', ''],
];

for (const [name, ...hosts] of CASES) {
  test(`${hosts.join(', ')} is counted as ${name}`, () => {
    for (const host of hosts) assert.equal(countedAddress(host), name);
  });
}
