import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LiveSilence } from '../../../src/ownership/live-silence.js';
import type { LiveDocument } from '../../../src/store/documents.js';
import { LIVE_SAMPLE } from '../../support/store-samples.js';

const INTERVAL_MS = 100;

/** Reads every 100 ms of [from, to), and returns what there was to tell. */
function told(
  silence: LiveSilence,
  [fromMs, toMs]: readonly [number, number],
  documentAt: (nowMs: number) => LiveDocument,
): number[] {
  const all: number[] = [];
  for (let nowMs = fromMs; nowMs < toMs; nowMs += INTERVAL_MS) {
    const silentMs = silence.read(documentAt(nowMs), nowMs);
    if (silentMs !== null) all.push(silentMs);
  }
  return all;
}

function beating(nowMs: number): LiveDocument {
  return { ...LIVE_SAMPLE, state: 'live', beat: Math.floor(nowMs / 500) };
}

test('a live node that beats is never silent', () => {
  assert.deepEqual(told(new LiveSilence(INTERVAL_MS), [0, 20_000], beating), []);
});

test('silence is told each second, and its end once', () => {
  const silence = new LiveSilence(INTERVAL_MS);
  told(silence, [0, 2_100], beating);
  const last = beating(2_000);
  assert.deepEqual(
    told(silence, [2_100, 5_100], () => last),
    [1_000, 2_000, 3_000],
  );
  assert.deepEqual(told(silence, [5_100, 9_000], beating), [0]);
});

test('silence while the own reads were held up does not count', () => {
  const silence = new LiveSilence(INTERVAL_MS);
  const last = beating(0);
  assert.deepEqual(
    told(silence, [0, 1_100], () => last),
    [1_000],
  );
  assert.deepEqual(
    told(silence, [9_000, 10_100], () => last),
    [0, 1_000],
  );
});

test('nobody is silent who does not serve', () => {
  for (const state of ['released', 'taking-over'] as const) {
    const document = { ...LIVE_SAMPLE, state };
    assert.deepEqual(
      told(new LiveSilence(INTERVAL_MS), [0, 20_000], () => document),
      [],
    );
  }
});
