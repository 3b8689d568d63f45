import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changesOf } from '../../../src/config/changes.js';
import { loadConfig } from '../../../src/config/load.js';
import type { Config } from '../../../src/config/schema.js';

function configOf(text: string): Config {
  return loadConfig({
    hostName: 'host',
    file: { name: 'holdfast.yaml', text: `store: /srv\n${text}` },
    environment: {},
    flags: [],
  });
}

test('a running node takes the level of its log, its hooks and settings of addresses', () => {
  const running = configOf('log: { level: info }');
  const read = configOf(
    'log: { level: debug, format: json }\nhooks: { onLive: new }\naddresses: { a: { maxMessages: 1 } }\nlimits: { maxQueues: 7 }',
  );
  const { config, taken, needRestart } = changesOf(running, read);
  assert.deepEqual(taken, ['addresses', 'hooks.onLive', 'log.level']);
  assert.deepEqual(needRestart, ['limits.maxQueues', 'log.format']);
  assert.deepEqual(config, {
    ...running,
    addresses: [{ pattern: 'a', maxMessages: 1 }],
    hooks: { ...running.hooks, onLive: 'new' },
    log: { level: 'debug', format: 'text' },
  });
});

test('the same configuration changes nothing', () => {
  const { taken, needRestart } = changesOf(configOf(''), configOf(''));
  assert.deepEqual([taken, needRestart], [[], []]);
});
