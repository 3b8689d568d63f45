import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { CallWatch, type SlowCall } from '../../../src/node/call-watch.js';
import { interceptedFileSystem, type Operation } from '../../support/intercepted-file-system.js';
import { ManualClock } from '../../support/manual-clock.js';
import { MemoryFileSystem } from '../../support/memory-file-system.js';

const LIMIT_MS = 5_000;

/** A file system of which one kind of call hangs, and a watch over it. */
class House {
  readonly clock = new ManualClock();
  readonly stalls: string[] = [];
  readonly slow: (SlowCall | null)[] = [];
  hanging: Operation | null = null;
  release: () => void = () => undefined;
  readonly watch = new CallWatch({
    clock: this.clock,
    limitMs: LIMIT_MS,
    onStall: (call) => this.stalls.push(call),
    onSlow: (slowest) => this.slow.push(slowest),
  });
  readonly files = this.watch.fileSystem(
    interceptedFileSystem(new MemoryFileSystem(), async ({ operation }, run) => {
      if (operation === this.hanging) {
        await new Promise<void>((resolve) => {
          this.release = resolve;
        });
      }
      return run();
    }),
  );
}

let house: House;

beforeEach(async () => {
  house = new House();
  house.watch.start();
  await house.files.makeDirectory('/store');
});

test('a call that hangs is named once it took longer than the limit, whatever else goes on', async () => {
  const { clock, files, watch, stalls } = house;
  watch.arm();
  const handle = await files.open('/store/file', 'create');
  house.hanging = 'sync';
  const sync = handle.syncInBackground();
  for (let passed = 0; passed < LIMIT_MS; passed += 250) {
    await handle.write(Buffer.from('more'), 0);
    clock.advance(250);
  }
  assert.deepEqual(stalls, []);
  clock.advance(250);
  assert.deepEqual(stalls, ['fdatasync /store/file']);
  house.release();
  await sync;
  clock.advance(10 * LIMIT_MS);
  assert.equal(stalls.length, 1);
  watch.stop();
  assert.equal(clock.timerCount, 0);
});

test('a call that takes more than a second is told of at any time, and that it is over', async () => {
  const { clock, files, slow, stalls } = house;
  house.hanging = 'list';
  const list = files.list('/store');
  clock.advance(1_000);
  assert.deepEqual(slow, []);
  clock.advance(500);
  const call = 'list /store';
  assert.deepEqual(slow, [
    { call, silentMs: 1_250 },
    { call, silentMs: 1_500 },
  ]);
  house.release();
  await list;
  clock.advance(LIMIT_MS);
  assert.deepEqual(slow.slice(2), [null]);
  assert.deepEqual(stalls, []);
});

test('of several slow calls the one that waits longest is told of', () => {
  const { clock, files, slow } = house;
  house.hanging = 'stat';
  void files.stat('/store/first');
  clock.advance(1_000);
  void files.stat('/store/second');
  clock.advance(2_000);
  assert.deepEqual(slow.at(-1), { call: 'stat /store/first', silentMs: 3_000 });
});

const HANGING: readonly [Operation, string, (files: House['files']) => Promise<unknown>][] = [
  ['open-read', 'open /store', (files) => files.open('/store', 'read')],
  ['stat', 'stat /store', (files) => files.stat('/store')],
  ['list', 'list /store', (files) => files.list('/store')],
  ['make-directory', 'mkdir /store/new', (files) => files.makeDirectory('/store/new')],
  ['remove-directory', 'rmdir /store', (files) => files.removeDirectory('/store')],
  ['unlink', 'unlink /store/file', (files) => files.unlink('/store/file')],
  ['sync-directory', 'fsync /store', (files) => files.syncDirectory('/store')],
  ['free-bytes', 'statfs /store', (files) => files.freeBytes('/store')],
];

for (const [operation, name, call] of HANGING) {
  test(`${operation} is watched`, () => {
    const { clock, files, watch, stalls } = house;
    watch.arm();
    house.hanging = operation;
    void call(files);
    clock.advance(LIMIT_MS + 250);
    assert.deepEqual(stalls, [name]);
  });
}

test('as long as it is not armed nothing counts, and then from zero', () => {
  const { clock, files, watch, stalls } = house;
  house.hanging = 'list';
  void files.list('/store');
  clock.advance(10 * LIMIT_MS);
  watch.arm();
  clock.advance(LIMIT_MS);
  watch.disarm();
  watch.arm();
  clock.advance(LIMIT_MS);
  assert.deepEqual(stalls, []);
  clock.advance(250);
  assert.deepEqual(stalls, ['list /store']);
});

test('a call that fails fails as it did, and is over', async () => {
  const { clock, files, watch, stalls } = house;
  watch.arm();
  await assert.rejects(files.stat('/store/missing'), { code: 'ENOENT' });
  clock.advance(10 * LIMIT_MS);
  assert.deepEqual(stalls, []);
});

test('the heartbeat is watched', () => {
  const { clock, watch, stalls } = house;
  const never = new Promise<never>(() => undefined);
  const heartbeat = watch.heartbeat({ tryStart: () => never, stop: () => never });
  watch.arm();
  void heartbeat.tryStart(() => undefined);
  void heartbeat.stop();
  clock.advance(LIMIT_MS + 250);
  assert.deepEqual(stalls, ['start of the witness', 'stop of the witness']);
});
