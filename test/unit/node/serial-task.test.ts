import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SerialTask } from '../../../src/node/serial-task.js';

/** A task whose runs a test lets end. */
class Gate {
  running = 0;
  runs = 0;
  readonly #ends: ((error: Error | null) => void)[] = [];

  readonly task = (): Promise<void> => {
    this.running += 1;
    this.runs += 1;
    assert.equal(this.running, 1, 'two runs at a time');
    return new Promise((resolve, reject) => {
      this.#ends.push((error) => {
        this.running -= 1;
        if (error === null) resolve();
        else reject(error);
      });
    });
  };

  async end(error: Error | null = null): Promise<void> {
    this.#ends.shift()?.(error);
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

test('runs never overlap, and those asked for meanwhile share the next one', async () => {
  const gate = new Gate();
  const serial = new SerialTask(gate.task);
  const done: string[] = [];
  const first = serial.run().then(() => done.push('first'));
  const others = [1, 2, 3].map(() => serial.run().then(() => done.push('other')));
  assert.equal(gate.runs, 1);
  await gate.end();
  assert.deepEqual([gate.runs, done], [2, ['first']]);
  await gate.end();
  await Promise.all([first, ...others]);
  assert.deepEqual([gate.runs, done], [2, ['first', 'other', 'other', 'other']]);
});

test('whoever asks while a run is under way gets one that began after', async () => {
  let value = 0;
  const seen: number[] = [];
  const serial = new SerialTask(async () => {
    const read = value;
    await new Promise<void>((resolve) => setImmediate(resolve));
    seen.push(read);
  });
  const first = serial.run();
  value = 1;
  await serial.run();
  await first;
  assert.deepEqual(seen, [0, 1]);
});

test('a failed run fails those who shared it and no others', async () => {
  const gate = new Gate();
  const serial = new SerialTask(gate.task);
  const first = assert.rejects(serial.run(), /broken/);
  const second = serial.run();
  await gate.end(new Error('broken'));
  await first;
  await gate.end();
  await second;
  const third = serial.run();
  await gate.end();
  await third;
  assert.equal(gate.runs, 3);
});
