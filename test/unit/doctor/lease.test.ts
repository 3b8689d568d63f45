import assert from 'node:assert/strict';
import { basename } from 'node:path';
import { describe, it, test } from 'node:test';
import { nodeClock } from '../../../src/platform/node/clock.js';
import { nodeFileSystem } from '../../../src/platform/node/file-system.js';
import type { Clock, FileHandle } from '../../../src/platform/ports.js';
import { temporaryDirectoryOf } from '../../support/temporary-directory.js';
import { examineOn, examineTogether, named, type Spoil } from './two-doctors.js';

/** Longer than what counts as a lock that was given back. */
const LEASE_MS = 3_500;

/**
 * What a file server does with the lock of a host that is cut off: its write hangs, the lock goes
 * when the lease has ended, and when the host is back `late` decides what becomes of its writes.
 */
class LeasedFile {
  readonly #late: 'refused' | 'let through';
  #handle: FileHandle | null = null;
  #cut: Promise<void> = Promise.resolve();
  #heal = (): void => undefined;
  #isLost = false;

  constructor(late: 'refused' | 'let through') {
    this.#late = late;
  }

  readonly spoil: Spoil = (handle, fileSystem) => {
    if (basename(handle.path) !== 'lease' || this.#handle !== null) return;
    this.#handle = handle;
    const [write, close] = [handle.write.bind(handle), handle.close.bind(handle)];
    handle.write = async (bytes, position) => {
      await this.#cut;
      if (!this.#isLost) return write(bytes, position);
      if (this.#late === 'refused') throw Object.assign(new Error('EIO'), { code: 'EIO' });
      const unlocked = await fileSystem.open(handle.path, 'update');
      await unlocked.write(bytes, position);
      await unlocked.close();
    };
    handle.sync = () => this.#cut;
    handle.close = close;
  };

  cutOff(): void {
    this.#cut = new Promise((resolve) => {
      this.#heal = resolve;
    });
    setTimeout(() => {
      this.#isLost = true;
      void this.#handle?.close();
    }, LEASE_MS);
  }

  heal(): void {
    this.#heal();
  }
}

function operate(file: LeasedFile) {
  const onHolder = (sentence: string) => {
    if (sentence.startsWith('cut this host off')) file.cutOff();
  };
  const onWatcher = (sentence: string) => {
    if (sentence.startsWith('its lock was free')) file.heal();
  };
  return { onHolder, onWatcher };
}

test('the lease is measured, and a late write that is refused is shown', async (t) => {
  const file = new LeasedFile('refused');
  const { onHolder, onWatcher } = operate(file);
  const [a, b] = await examineTogether(
    await temporaryDirectoryOf(t),
    { trials: ['lease'] },
    { spoil: file.spoil, request: { toBeCut: 'cut', tell: onHolder } },
    { request: { tell: onWatcher } },
  );
  assert.deepEqual([a.failure, b.failure], [null, null]);
  const [figure] = named(b, 'lease').figures;
  assert.equal(figure?.host, 'a');
  assert.ok(
    figure.value >= LEASE_MS - 200 && figure.value < LEASE_MS + 2_000,
    `${figure.value} ms`,
  );
  const late = named(a, 'late write refused');
  assert.equal(late.outcome, 'passed');
  assert.equal(late.fence, 1);
  assert.match(late.detail, /met EIO, EIO, EIO; no byte of it is in the file$/);
  assert.deepEqual(a.trials.slice(1), b.trials.slice(1));
});

test('a lock that was merely given back is not taken for a lease', async (t) => {
  let handle: FileHandle | null = null;
  const spoil: Spoil = (opened) => {
    if (basename(opened.path) === 'lease') handle ??= opened;
  };
  const tell = (sentence: string) => {
    if (sentence.startsWith('cut this host off')) void handle?.close();
  };
  const [, b] = await examineTogether(
    await temporaryDirectoryOf(t),
    { trials: ['lease'] },
    { spoil, request: { toBeCut: 'cut', tell } },
  );
  assert.equal(named(b, 'lease').outcome, 'not-shown');
  assert.match(named(b, 'lease').detail, /gave the lock back by itself/);
});

/**
 * Each waits for seconds in a directory of its own. Those above are by themselves, for they compare times,
 * which come out later when several doctors share this process.
 */
describe('what comes of the lease', { concurrency: true }, () => {
  for (const [fence1Enforced, severity] of [
    [true, 'refuse'],
    [false, 'warning'],
  ] as const) {
    it(`a late write that is let through leads to: ${severity}`, async (t) => {
      const file = new LeasedFile('let through');
      const { onHolder, onWatcher } = operate(file);
      const [a, b] = await examineTogether(
        await temporaryDirectoryOf(t),
        { trials: ['lease'], fence1Enforced },
        { spoil: file.spoil, request: { toBeCut: 'cut', tell: onHolder } },
        { request: { tell: onWatcher } },
      );
      for (const report of [a, b]) {
        const late = named(report, 'late write refused');
        assert.equal(late.outcome, 'failed');
        assert.match(late.detail, /met ok, ok; its bytes are in the file of its successor$/);
        assert.equal(late.findings[0]?.severity, severity);
      }
    });
  }

  it('a server that never gives the lock of a dead host away is refused', async (t) => {
    let aheadMs = 0;
    const clock: Clock = { ...nodeClock, monotonicMs: () => nodeClock.monotonicMs() + aheadMs };
    let isDead = false;
    let bury = (): void => undefined;
    const buried = new Promise<void>((resolve) => {
      bury = resolve;
    });
    const spoil: Spoil = (handle) => {
      const write = handle.write.bind(handle);
      handle.write = async (bytes, position) => {
        if (!isDead) return write(bytes, position);
        await buried;
        throw Object.assign(new Error('EIO'), { code: 'EIO' });
      };
    };
    const root = await temporaryDirectoryOf(t);
    const holder = examineOn(root, {
      name: 'a',
      trials: ['lease'],
      spoil,
      request: {
        toBeCut: 'power-off',
        tell: (sentence) => {
          isDead ||= sentence.startsWith('take the power');
        },
      },
    });
    const watcher = await examineOn(root, {
      name: 'b',
      trials: ['lease'],
      clock,
      request: {
        tell: (sentence) => {
          // The rest of five minutes.
          if (sentence.startsWith('it writes no more')) aheadMs = 300_000;
        },
      },
    });
    assert.equal(watcher.failure, null);
    const lease = named(watcher, 'lease');
    assert.equal(lease.outcome, 'failed');
    assert.equal(lease.detail, 'the lock of a was not free 300 s after its last write');
    assert.equal(lease.findings[0]?.severity, 'refuse');
    assert.deepEqual(await nodeFileSystem.list(root), []);
    bury();
    await Promise.allSettled([holder]);
  });
});
