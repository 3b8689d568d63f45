/** P1, P2, P3, P5 with real processes: the live node ends in every way, under load. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { CheckedLoad } from '../support/checked-load.js';
import { eventually } from '../support/eventually.js';
import { SLOW_TAKEOVER } from '../support/fault-injection/fault.js';
import { TestStore } from '../support/test-store.js';

test('P1: kill -9 of the live node under load loses nothing that was confirmed', async (t) => {
  const store = await TestStore.make(t);
  const { live, backup } = await store.startPair();
  const load = await CheckedLoad.start(t, { findServer: store.findServer });
  await load.confirmsMore(500);
  const { signal } = await live.kill();
  assert.equal(signal, 'SIGKILL');
  await backup.untilRole('live');
  await load.confirmsMore(500);
  const { sessionsOf } = await load.finish();
  assert.ok(sessionsOf.has('a') && sessionsOf.has('b'));
});

test('P1: SIGTERM of the live node under load hands over and ends with code 0', async (t) => {
  const store = await TestStore.make(t);
  const { live, backup } = await store.startPair();
  const load = await CheckedLoad.start(t, { findServer: store.findServer });
  await load.confirmsMore(500);
  assert.deepEqual(await live.terminate(), { code: 0, signal: null });
  await backup.untilRole('live');
  await load.confirmsMore(500);
  await load.finish();
});

test('P3: a live node that was stopped for longer than freshMs goes on when it is continued', async (t) => {
  const store = await TestStore.make(t, {
    HOLDFAST_OWNERSHIP_FRESH_MS: '500',
    HOLDFAST_OWNERSHIP_CHECK_INTERVAL_MS: '100',
  });
  const { live, backup } = await store.startPair();
  const load = await CheckedLoad.start(t, { findServer: store.findServer });
  live.signal('SIGSTOP');
  await delay(1_500);
  assert.equal(backup.role, 'backup', 'the kernel keeps the lock of a stopped process');
  live.signal('SIGCONT');
  await load.confirmsMore(500);
  assert.equal(backup.role, 'backup');
  await load.finish();
});

test('P1: a live node that is killed while it is stopped is taken over from', async (t) => {
  const store = await TestStore.make(t);
  const { live, backup } = await store.startPair();
  const load = await CheckedLoad.start(t, { findServer: store.findServer });
  live.signal('SIGSTOP');
  await live.kill();
  await backup.untilRole('live');
  await load.confirmsMore(500);
  await load.finish();
});

test('P5: SIGTERM of a stopped live node hands over once it is continued', async (t) => {
  const store = await TestStore.make(t);
  const { live, backup } = await store.startPair();
  const load = await CheckedLoad.start(t, { findServer: store.findServer });
  live.signal('SIGSTOP');
  live.signal('SIGTERM');
  await delay(500);
  live.signal('SIGCONT');
  await backup.untilRole('live');
  await load.confirmsMore(500);
  await load.finish();
  assert.equal((await live.ended).code, 0);
});

test('P5: both nodes killed at once, then either one started alone goes on', async (t) => {
  const store = await TestStore.make(t);
  const { live, backup } = await store.startPair();
  const load = await CheckedLoad.start(t, { findServer: store.findServer });
  await load.confirmsMore(500);
  await Promise.all([live.kill(), backup.kill()]);
  const alone = await store.startLive('b');
  await load.confirmsMore(500);
  await alone.kill();
  const [a, b] = [store.start('a'), store.start('b')];
  await load.confirmsMore(500);
  await eventually('one of them is live and the other a backup', () => {
    const roles = [a.role, b.role];
    return roles.includes('live') && roles.includes('backup');
  });
  await load.finish();
});

test('P5: a node killed while it takes over leaves a store that the next one takes over', async (t) => {
  const store = await TestStore.make(t);
  const live = await store.startLive('a');
  const load = await CheckedLoad.start(t, { findServer: store.findServer });
  await load.confirmsMore(500);
  for (const name of ['b', 'c']) {
    const backup = store.startFaulty(name, [SLOW_TAKEOVER]);
    await store.untilReady(backup);
  }
  await live.kill();
  const taker = await store.killWhileTakingOver();
  await load.confirmsMore(500);
  assert.deepEqual([taker, store.liveProcess().name].sort(), ['b', 'c']);
  await load.finish();
});

test('P3: a node that fails in the middle of its takeover ends, and does not go live first', async (t) => {
  const store = await TestStore.make(t);
  const live = await store.startLive('a');
  const fails = { name: 'look at peers', effect: { kind: 'fail', errno: 'EIO' } } as const;
  const isSlow = { name: 'last words', effect: { kind: 'delay', delayMs: 3_000 } } as const;
  const backup = store.startFaulty(
    'b',
    [
      { ...SLOW_TAKEOVER, effect: { kind: 'delay', delayMs: 800 } },
      { ...fails, at: 'taking-over: list nodes', when: 'before' },
      { ...isSlow, at: 'fenced: write nodes/* at 0', when: 'before' },
    ],
    { HOLDFAST_OWNERSHIP_STATUS_INTERVAL_MS: '100' },
  );
  await store.untilReady(backup);
  await live.kill();
  await backup.ended;
  assert.equal(backup.role, 'fenced');
  const rolesThere = backup.log.filter(({ event }) => event === 'role-changed').map(({ to }) => to);
  assert.deepEqual(rolesThere, ['backup', 'taking-over', 'fenced']);
  const struck = backup.log.filter(({ event }) => event === 'fault-struck');
  assert.deepEqual(
    struck.map(({ message }) => message),
    ['slow takeover', 'look at peers'],
    'the takeover would go on while it says its last words',
  );
});

test('P2: of three nodes one takes over and the third follows it', async (t) => {
  const store = await TestStore.make(t);
  const { live, backup } = await store.startPair();
  const third = await store.startBackup('c');
  const load = await CheckedLoad.start(t, { findServer: store.findServer });
  await live.kill();
  await load.confirmsMore(500);
  const next = store.liveProcess();
  const other = next === backup ? third : backup;
  assert.equal(other.role, 'backup');
  await store.untilReady(other);
  await next.kill();
  await other.untilRole('live');
  await load.confirmsMore(500);
  await load.finish();
});
