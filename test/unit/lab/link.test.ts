import assert from 'node:assert/strict';
import { test } from 'node:test';
import { linkCommand, parseLink } from '../../../scripts/lab/link.js';

const NETEM =
  '[{"kind":"netem","handle":"8001:","root":true,"options":{"limit":10000,' +
  '"delay":{"delay":0.05,"jitter":0,"correlation":0},' +
  '"loss-random":{"loss":0.0500000000116415,"correlation":0},"ecn":false,"gap":0}}]';

test('a link is read from what tc tells', () => {
  assert.deepEqual(parseLink(NETEM), { delayMs: 50, lossPercent: 5 });
});

test('a host without netem has a link that nothing is wrong with', () => {
  const usual = '[{"kind":"noqueue","handle":"0:","root":true,"options":{}}]';
  assert.deepEqual(parseLink(usual), { delayMs: 0, lossPercent: 0 });
});

test('a good link is one without netem', () => {
  const good = { delayMs: 0, lossPercent: 0 };
  assert.equal(linkCommand(good, { isGuest: true }), 'tc qdisc delete dev eth0 root');
});

test('delay and loss are one setting', () => {
  const command = linkCommand({ delayMs: 50, lossPercent: 0.5 }, { isGuest: false });
  assert.match(command, /^tc qdisc replace dev eth0 root netem .*delay 50ms loss 0.5%$/);
});
