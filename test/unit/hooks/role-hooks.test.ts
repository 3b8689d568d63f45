import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Config } from '../../../src/config/schema.js';
import { type RoleChange, RoleHooks } from '../../../src/hooks/role-hooks.js';
import type { Role } from '../../../src/ownership/role.js';
import { HookRig } from './hook-rig.js';

const SETTINGS: Config['hooks'] = {
  onLive: 'live',
  onBackup: 'backup',
  onFenced: 'fenced',
  onStop: 'stop',
  timeoutMs: 500,
  fenceAfterMs: 5_000,
};

function change(from: Role, to: Role): RoleChange {
  return { from, to, epoch: 7, reason: 'why' };
}

function hooksOf(rig: HookRig, settings = SETTINGS): RoleHooks {
  return new RoleHooks(rig.world, settings);
}

test('a hook is told who, what and why, and its limit', async () => {
  const rig = new HookRig();
  hooksOf(rig).roleChanged(change('taking-over', 'live'));
  await rig.turn();
  assert.deepEqual(rig.runs, [
    {
      command: 'live',
      limitMs: 500,
      environment: {
        HOLDFAST_HOOK: 'onLive',
        HOLDFAST_NODE: 'a',
        HOLDFAST_ROLE: 'live',
        HOLDFAST_PREVIOUS_ROLE: 'taking-over',
        HOLDFAST_EPOCH: '7',
        HOLDFAST_REASON: 'why',
      },
    },
  ]);
});

test('hooks run one after another, and those in between are left out', async () => {
  const rig = new HookRig();
  const hooks = hooksOf(rig);
  hooks.roleChanged(change('taking-over', 'live'));
  await rig.turn();
  hooks.roleChanged(change('handing-over', 'backup'));
  hooks.roleChanged(change('taking-over', 'live'));
  const ended = hooks.ended(false, 'told to');
  assert.deepEqual(rig.commands, ['live']);
  await rig.end(0);
  assert.deepEqual(rig.commands, ['live', 'stop']);
  await rig.end(0);
  await ended;
});

test('the end is told once, with the role that the node had in earnest', async () => {
  const rig = new HookRig();
  const hooks = hooksOf(rig);
  hooks.roleChanged(change('live', 'fenced'));
  const ends = [hooks.ended(true, 'the lock is gone'), hooks.ended(true, 'again')];
  await rig.turn();
  assert.deepEqual(rig.commands, ['fenced']);
  const { HOLDFAST_PREVIOUS_ROLE, HOLDFAST_ROLE, HOLDFAST_REASON } = rig.runs[0]?.environment ?? {};
  assert.deepEqual(
    [HOLDFAST_PREVIOUS_ROLE, HOLDFAST_ROLE, HOLDFAST_REASON],
    ['live', 'fenced', 'the lock is gone'],
  );
  await rig.end(1);
  await Promise.all(ends);
  assert.deepEqual(rig.events, ['hook-failed']);
});

test('what was left out of the settings is not run, and what was added later is', async () => {
  const rig = new HookRig();
  const { onLive: _, ...rest } = SETTINGS;
  const hooks = hooksOf(rig, rest);
  hooks.roleChanged(change('taking-over', 'live'));
  await rig.turn();
  assert.deepEqual(rig.commands, []);
  hooks.use({ ...SETTINGS, onBackup: 'another' });
  hooks.roleChanged(change('handing-over', 'backup'));
  await rig.turn();
  assert.deepEqual(rig.commands, ['another']);
});
