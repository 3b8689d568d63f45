import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { errnoOf } from '../../../src/platform/errors.js';
import type {
  CallFault,
  CallInterceptor,
  StorageCall,
  StorageOperation,
} from './shared-storage.js';
import { type RigOptions, StorageRig } from './storage-rig.js';

const STORE = '/store';
const PATH = `${STORE}/file`;

async function makeRig(options: RigOptions): Promise<StorageRig> {
  const rig = new StorageRig(options);
  await rig.storage.truth.makeDirectory(STORE);
  const handle = await rig.storage.truth.open(PATH, 'create');
  await handle.write(Buffer.from('before'), 0);
  return rig;
}

async function textOf(rig: StorageRig): Promise<string> {
  const bytes = new Uint8Array(100);
  const handle = await rig.storage.truth.open(PATH, 'read');
  return Buffer.from(bytes.subarray(0, await handle.read(bytes, 0))).toString();
}

/** The first call of `operation` meets `fault`. */
function failFirst(operation: StorageOperation, fault: CallFault): CallInterceptor {
  let isDone = false;
  return {
    before: (call) => {
      if (isDone || call.operation !== operation) return null;
      isDone = true;
      return fault;
    },
    after: () => undefined,
  };
}

const hasErrno = (errno: string) => (error: unknown) => errnoOf(error) === errno;

describe('a call that blocks', () => {
  it('keeps the thread from everything else until it returns, and not the other thread', async () => {
    const rig = await makeRig({ kind: 'nfs4' });
    const { process, fileSystem } = rig.startProcess('a');
    const handle = await rig.settled(fileSystem.open(PATH, 'write-durable'));
    const seen: string[] = [];
    rig.storage.cutOff('a', 'both');
    const writing = handle.write(Buffer.from('B'), 0).then(() => seen.push('written'));
    process.storage.run(10, () => seen.push('timer of the thread'));
    process.main.run(10, () => seen.push('timer of the other thread'));
    await rig.pass(5_000);
    assert.deepEqual(seen, ['timer of the other thread']);
    rig.storage.heal('a');
    await rig.settled(writing);
    await rig.pass(1);
    assert.deepEqual(seen, ['timer of the other thread', 'written', 'timer of the thread']);
  });

  it('comes before the calls that are made after it in the same turn', async () => {
    const rig = await makeRig({ kind: 'nfs4' });
    const { fileSystem } = rig.startProcess('a');
    const writer = await rig.settled(fileSystem.open(PATH, 'write-durable'));
    const reader = await rig.settled(fileSystem.open(PATH, 'read'));
    const into = new Uint8Array(6);
    rig.storage.cutOff('a', 'both');
    const both = Promise.all([writer.write(Buffer.from('BEFORE'), 0), reader.read(into, 0)]);
    await rig.pass(20_000);
    rig.storage.heal('a');
    await rig.settled(both);
    assert.equal(Buffer.from(into).toString(), 'BEFORE');
  });
});

describe('a process that is gone or stopped', () => {
  it('has its requests carried out that are under way, and gets no answer', async () => {
    const rig = await makeRig({ kind: 'nfs4' });
    const { process, fileSystem } = rig.startProcess('a');
    const handle = await rig.settled(fileSystem.open(PATH, 'write-durable'));
    let isAnswered = false;
    const answered = (): void => {
      isAnswered = true;
    };
    handle.write(Buffer.from('AFTER!'), 0).then(answered, answered);
    process.die();
    await rig.pass(100);
    assert.equal(await textOf(rig), 'AFTER!');
    assert.equal(isAnswered, false);
  });

  it('does not send what it had not sent', async () => {
    const rig = await makeRig({
      kind: 'nfs4',
      interceptor: {
        before: ({ process, operation }) => {
          if (operation === 'write') process.die();
          return null;
        },
        after: () => undefined,
      },
    });
    const { fileSystem } = rig.startProcess('a');
    const handle = await rig.settled(fileSystem.open(PATH, 'write-durable'));
    void handle.write(Buffer.from('NEVER!'), 0);
    await rig.pass(1_000);
    assert.equal(await textOf(rig), 'before');
  });

  it('hears the answer only when it goes on, though the server acted at once', async () => {
    const rig = await makeRig({ kind: 'nfs4' });
    const { process, fileSystem } = rig.startProcess('a');
    const handle = await rig.settled(fileSystem.open(PATH, 'write-durable'));
    const writing = handle.write(Buffer.from('AFTER!'), 0);
    const beganMs = rig.scheduler.nowMs;
    process.pause(5_000);
    await rig.pass(100);
    assert.equal(await textOf(rig), 'AFTER!');
    await rig.settled(writing);
    assert.ok(rig.scheduler.nowMs >= beganMs + 5_000);
  });

  it('is granted no lock by a call that was under way', async () => {
    const rig = await makeRig({ kind: 'nfs4' });
    const { process, fileSystem } = rig.startProcess('a');
    const handle = await rig.settled(fileSystem.open(PATH, 'update'));
    void handle.tryLockExclusive();
    process.die();
    await rig.pass(1_000);
    const other = rig.startProcess('b');
    const theirs = await rig.settled(other.fileSystem.open(PATH, 'update'));
    assert.equal(await rig.settled(theirs.tryLockExclusive()), true);
  });
});

describe('a fault', () => {
  for (const kind of ['nfs4', 'cluster', 'local'] as const) {
    it(`of a sync loses bytes, and the next sync says that all is well (${kind})`, async () => {
      const texts = new Set<string>();
      for (let seed = 1; seed <= 30; seed += 1) {
        const interceptor = failFirst('sync', { kind: 'error', errno: 'EIO' });
        const rig = await makeRig({ kind, seed, interceptor });
        const { fileSystem } = rig.startProcess('a');
        const handle = await rig.settled(fileSystem.open(PATH, 'update'));
        await rig.settled(handle.write(Buffer.from('AFTER!'), 0));
        await assert.rejects(rig.settled(handle.sync()), hasErrno('EIO'));
        await rig.settled(handle.sync());
        await rig.settled(handle.close());
        texts.add(await textOf(rig));
      }
      assert.deepEqual([...texts].sort(), ['AFTER!', 'before']);
    });
  }

  it('of a write may leave a part of it', async () => {
    const interceptor = failFirst('write', { kind: 'short-write', part: 0.5 });
    const rig = await makeRig({ kind: 'nfs4', interceptor });
    const { fileSystem } = rig.startProcess('a');
    const handle = await rig.settled(fileSystem.open(PATH, 'write-durable'));
    await assert.rejects(rig.settled(handle.write(Buffer.from('AFTER!'), 0)), hasErrno('EIO'));
    assert.equal(await textOf(rig), 'AFTore');
  });

  it('of any other call comes in its place', async () => {
    const interceptor = failFirst('create', { kind: 'error', errno: 'EDQUOT' });
    const rig = await makeRig({ kind: 'nfs4', interceptor });
    const { fileSystem } = rig.startProcess('a');
    const opening = fileSystem.open(`${STORE}/new`, 'create-new');
    await assert.rejects(rig.settled(opening), hasErrno('EDQUOT'));
    assert.deepEqual(await rig.storage.truth.list(STORE), ['file']);
  });

  it('that delays holds up the call for so long, on its way there or back', async () => {
    const actedAfterMs = new Set<number>();
    for (let seed = 1; seed <= 20; seed += 1) {
      const interceptor = failFirst('write', { kind: 'delay', delayMs: 7_000 });
      const rig = await makeRig({ kind: 'nfs4', seed, interceptor });
      const { fileSystem } = rig.startProcess('a');
      const handle = await rig.settled(fileSystem.open(PATH, 'write-durable'));
      const beganMs = rig.scheduler.nowMs;
      const writing = handle.write(Buffer.from('AFTER!'), 0);
      await rig.pass(1_000);
      actedAfterMs.add((await textOf(rig)) === 'AFTER!' ? 0 : 7_000);
      await rig.settled(writing);
      assert.ok(rig.scheduler.nowMs - beganMs >= 7_000);
    }
    assert.equal(actedAfterMs.size, 2);
  });

  it('in which the room runs out fails writes of new pages and new names, nothing else', async () => {
    for (const errno of ['ENOSPC', 'EDQUOT'] as const) {
      const rig = await makeRig({ kind: 'nfs4' });
      const { fileSystem } = rig.startProcess('a');
      const handle = await rig.settled(fileSystem.open(PATH, 'write-durable'));
      rig.storage.fill(errno);
      await assert.rejects(rig.settled(handle.write(Buffer.from('x'), 4096)), hasErrno(errno));
      const creating = fileSystem.open(`${STORE}/new`, 'create-new');
      await assert.rejects(rig.settled(creating), hasErrno(errno));
      assert.equal(await rig.settled(fileSystem.freeBytes(STORE)), 0);
      await rig.settled(handle.write(Buffer.from('AFTER!'), 0));
      rig.storage.free();
      await rig.settled(handle.write(Buffer.from('x'), 4096));
    }
  });
});

describe('whoever looks at calls and changes', () => {
  it('sees each call before it goes out and before it returns, and each change when it happens', async () => {
    const seen: string[] = [];
    const note = (when: string, { operation }: StorageCall): null => {
      seen.push(`${when} ${operation}`);
      return null;
    };
    const rig = await makeRig({
      kind: 'nfs4',
      interceptor: {
        before: (call) => note('before', call),
        after: (call) => void note('after', call),
      },
    });
    const { fileSystem } = rig.startProcess('a');
    const handle = await rig.settled(fileSystem.open(PATH, 'write-durable'));
    await rig.settled(handle.write(Buffer.from('!'), 6));
    await rig.settled(fileSystem.unlink(PATH));
    await rig.settled(handle.write(Buffer.from('?'), 6));
    assert.deepEqual(seen.slice(0, 4), [
      'before open',
      'after open',
      'before write',
      'after write',
    ]);
    assert.deepEqual(
      rig.changes.map(({ host, kind, path, position, isLinked }) => ({
        host,
        kind,
        path,
        position,
        isLinked,
      })),
      [
        { host: 'a', kind: 'write', path: PATH, position: 6, isLinked: true },
        { host: 'a', kind: 'unlink', path: PATH, position: 0, isLinked: true },
        { host: 'a', kind: 'write', path: PATH, position: 6, isLinked: false },
      ],
    );
  });

  it('sees the same for the same seed', async () => {
    const run = async (seed: number): Promise<string[]> => {
      const lines: string[] = [];
      const rig = await makeRig({ kind: 'nfs4', seed, onTraceLine: (line) => lines.push(line) });
      const { fileSystem } = rig.startProcess('a');
      const handle = await rig.settled(fileSystem.open(PATH, 'update'));
      rig.storage.cutOff('a', 'from-server');
      const locking = handle.tryLockExclusive();
      rig.storage.restartServer(500);
      rig.storage.heal('a');
      await rig.settled(locking);
      await rig.settled(handle.write(Buffer.from('x'), 0));
      await rig.settled(handle.close());
      return lines;
    };
    const lines = await run(7);
    assert.ok(lines.length > 8);
    assert.deepEqual(await run(7), lines);
    assert.notDeepEqual(await run(8), lines);
  });
});
