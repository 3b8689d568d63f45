import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Exposition, type Metric } from '../../../src/admin/metrics/exposition.js';
import { Histogram } from '../../../src/platform/histogram.js';

const SENT: Metric = { name: 'x_sent_total', type: 'counter', help: 'Sent', labels: [] };
const TOOK: Metric = { name: 'x_seconds', type: 'histogram', help: 'Took', labels: [] };
const LEFT_OUT: Metric = { name: 'x_unknown', type: 'gauge', help: 'Unknown', labels: [] };

function page(format: 'prometheus' | 'openmetrics'): string[] {
  const text = new Exposition(format);
  text.one(SENT, 3);
  text.one(LEFT_OUT, null);
  const took = new Histogram([0.5, 1]);
  for (const ms of [100, 700, 9_000]) took.observeMs(ms);
  text.histogram(TOOK, took);
  return text.end().split('\n');
}

test('the steps of a histogram are summed up as they are written', () => {
  assert.deepEqual(page('prometheus'), [
    '# HELP x_sent_total Sent',
    '# TYPE x_sent_total counter',
    'x_sent_total 3',
    '# HELP x_seconds Took',
    '# TYPE x_seconds histogram',
    'x_seconds_bucket{le="0.5"} 1',
    'x_seconds_bucket{le="1"} 2',
    'x_seconds_bucket{le="+Inf"} 3',
    'x_seconds_sum 9.8',
    'x_seconds_count 3',
    '',
  ]);
});

test('OpenMetrics calls a counter without its suffix, and has an end', () => {
  const lines = page('openmetrics');
  assert.deepEqual(lines.slice(0, 3), [
    '# HELP x_sent Sent',
    '# TYPE x_sent counter',
    'x_sent_total 3',
  ]);
  assert.deepEqual(lines.slice(-2), ['# EOF', '']);
});
