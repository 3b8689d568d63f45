import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Config } from '../../../src/config/schema.js';
import { FenceCommand } from '../../../src/hooks/fence-command.js';
import type { LiveDocument } from '../../../src/store/documents.js';
import { LIVE_SAMPLE } from '../../support/store-samples.js';
import { HookRig } from './hook-rig.js';

const SETTINGS: Config['hooks'] = { fenceCommand: 'fence', timeoutMs: 500, fenceAfterMs: 5_000 };

function liveOf(epoch: number): LiveDocument {
  return { ...LIVE_SAMPLE, node: 'b', host: 'far', epoch };
}

function scene(settings = SETTINGS) {
  const rig = new HookRig();
  const fence = new FenceCommand(rig.world, settings);
  const silent = (epoch: number, silentMs: number): void =>
    void fence.liveSilent(liveOf(epoch), silentMs);
  return { rig, fence, silent };
}

test('the command is run once in a silence that is long enough, and told whom to fence', async () => {
  const { rig, silent } = scene();
  for (const silentMs of [1_000, 4_000, 4_999]) silent(3, silentMs);
  assert.deepEqual(rig.commands, []);
  silent(3, 5_000);
  silent(3, 6_000);
  assert.deepEqual(rig.runs, [
    {
      command: 'fence',
      limitMs: 500,
      environment: {
        HOLDFAST_HOOK: 'fenceCommand',
        HOLDFAST_NODE: 'a',
        HOLDFAST_LIVE_NODE: 'b',
        HOLDFAST_LIVE_HOST: 'far',
        HOLDFAST_EPOCH: '3',
        HOLDFAST_SILENT_MS: '5000',
      },
    },
  ]);
  await rig.end(0);
  silent(3, 60_000);
  assert.equal(rig.runs.length, 1);
});

test('one that failed is run again after as long a time', async () => {
  const { rig, silent } = scene();
  silent(3, 5_000);
  await rig.end(1);
  silent(3, 9_000);
  assert.equal(rig.runs.length, 1);
  silent(3, 10_000);
  assert.equal(rig.runs.length, 2);
});

test('a live node that was heard again, and one of another tenure, can be fenced again', async () => {
  const { rig, silent } = scene();
  silent(3, 5_000);
  await rig.end(0);
  silent(3, 0);
  silent(3, 5_000);
  await rig.end(0);
  silent(4, 5_000);
  assert.equal(rig.runs.length, 3);
});

test('without a command nothing is run, and one that is given later is', () => {
  const { fenceCommand: _, ...without } = SETTINGS;
  const { rig, fence, silent } = scene(without);
  silent(3, 5_000);
  assert.deepEqual(rig.events, []);
  fence.use(SETTINGS);
  silent(3, 6_000);
  assert.equal(rig.runs.length, 1);
});
