import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Screen } from '../../../src/cli/screen.js';
import {
  bytesText,
  clockText,
  dateText,
  durationText,
  progressLine,
  tableLines,
} from '../../../src/cli/text.js';

test('durations are as precise as people need them', () => {
  const expected: readonly [number, string][] = [
    [-5, '0.00 s'],
    [154, '0.15 s'],
    [9_994, '9.99 s'],
    [12_900, '12 s'],
    [119_999, '119 s'],
    [180_000, '3 min'],
    [7_200_000, '2 h'],
    [172_800_000, '2 d'],
  ];
  assert.deepEqual(
    expected.map(([durationMs]) => durationText(durationMs)),
    expected.map(([, text]) => text),
  );
});

test('sizes have binary units', () => {
  const counts = [0, 1023, 1024, 1536, 20 * 1024 ** 2, 5 * 1024 ** 5];
  assert.deepEqual(counts.map(bytesText), [
    '0 B',
    '1023 B',
    '1.0 KiB',
    '1.5 KiB',
    '20 MiB',
    '5120 TiB',
  ]);
});

test('progress is a bar of one width from nothing to all', () => {
  assert.equal(progressLine(0, 4096), `${'.'.repeat(40)}   0%  0 B of 4.0 KiB`);
  assert.equal(
    progressLine(1024, 4096),
    `${'#'.repeat(10)}${'.'.repeat(30)}  25%  1.0 KiB of 4.0 KiB`,
  );
  assert.equal(progressLine(0, 0), `${'#'.repeat(40)} 100%  0 B of 0 B`);
});

test('times are local times', () => {
  const wallMs = new Date(2026, 0, 5, 7, 8, 9, 45).getTime();
  assert.equal(clockText(wallMs), '07:08:09.045');
  assert.equal(dateText(wallMs), '2026-01-05 07:08:09');
});

test('a table lines up its columns and has no frame', () => {
  assert.deepEqual(
    tableLines(
      ['node', 'role'],
      [
        ['a', 'live'],
        ['bb', ''],
      ],
    ),
    ['node  role', 'a     live', 'bb'],
  );
});

test('where a table is too wide its longest texts are cut, and all figures are seen', () => {
  const long = 'orders.'.repeat(15);
  const head = ['Queue', 'Messages', 'Consumers', ''];
  const rows = [
    [long, '1234567', '3', 'dead letters'],
    ['mail', '1', '0', ''],
  ];
  const whole = tableLines(head, rows, Number.POSITIVE_INFINITY);
  assert.ok(whole[1]?.includes(long));
  for (const columns of [60, 80]) {
    const lines = tableLines(head, rows, columns);
    assert.ok(lines.every((line) => line.length <= columns));
    assert.match(lines[1] ?? '', /^orders\..*… +1234567 +3 +dead letters$/);
    assert.equal(lines[1]?.length, columns);
    assert.match(lines[2] ?? '', /^mail +1 +0$/);
  }
  assert.match(tableLines(head, rows, 20)[1] ?? '', /^orders\.orde… {2}1234567/);
});

function recordingStream(columns: number) {
  const written: string[] = [];
  return { columns, written, write: (text: string) => written.push(text) };
}

test('a screen overwrites its own lines and leaves the news above them', () => {
  const stream = recordingStream(80);
  const screen = new Screen(stream);
  screen.show(['one', 'two'], []);
  screen.show(['one', 'three'], ['news']);
  const [first = '', second = ''] = stream.written;
  assert.equal(first, 'one\u001b[K\ntwo\u001b[K\n\u001b[J');
  assert.equal(second, '\u001b[2A\rnews\u001b[K\none\u001b[K\nthree\u001b[K\n\u001b[J');
});

test('a screen writes nothing when nothing changed', () => {
  const stream = recordingStream(80);
  const screen = new Screen(stream);
  screen.show(['one'], []);
  screen.show(['one'], []);
  assert.equal(stream.written.length, 1);
});

test('a line that would wrap is cut, so that the way back up stays right', () => {
  const stream = recordingStream(5);
  new Screen(stream).show(['\u001b[1mlonger\u001b[22m', 'four'], []);
  assert.deepEqual(stream.written, ['long\u001b[K\nfour\u001b[K\n\u001b[J']);
});
