/** What is shipped for Prometheus and Grafana, and what is written of metrics, agrees with the code. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  BACKUP_METRICS,
  LIVE_METRICS,
  metricsTable,
  NODE_METRICS,
  QUEUE_METRICS,
} from '../../../src/admin/metrics/catalog.js';
import { alertRules, metricsInDashboard, metricsInRules } from '../../support/deployed-metrics.js';
import { repositoryRoot } from '../../support/repository-root.js';

const CATALOG = [NODE_METRICS, BACKUP_METRICS, LIVE_METRICS, QUEUE_METRICS].flatMap((metrics) =>
  Object.values(metrics),
);

const page = (name: string): string =>
  readFileSync(join(repositoryRoot(), 'docs', `${name}.md`), 'utf8');

test('docs/metrics.md has the table of all metrics', () => {
  assert.ok(
    page('metrics').includes(metricsTable()),
    'run: npm run build && node scripts/write-metrics-table.mjs',
  );
});

test('metrics have one name each, in base units, and counters end in _total', () => {
  assert.equal(new Set(CATALOG.map(({ name }) => name)).size, CATALOG.length);
  for (const { name, type } of CATALOG) {
    assert.match(name, /^(holdfast|process|nodejs)_[a-z_]+$/);
    assert.equal(name.endsWith('_total'), type === 'counter', name);
    assert.doesNotMatch(name, /_(ms|milliseconds|kb|mb|percent)(_|$)/);
  }
});

for (const { what, names } of [
  { what: 'alert rules', names: metricsInRules() },
  { what: 'dashboard', names: metricsInDashboard() },
]) {
  test(`every metric that the ${what} ask for exists`, () => {
    assert.ok(names.length > 10);
    const known = CATALOG.map(({ name, type }) => (type === 'histogram' ? `${name}_bucket` : name));
    const unknown = names.filter((name) => !known.includes(name));
    assert.deepEqual(unknown, []);
  });
}

test('every alert leads to a page of the runbook', () => {
  const anchors = [...page('runbook').matchAll(/^## (.+)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^a-z0-9 -]/g, '')
      .replaceAll(' ', '-'),
  );
  for (const { alert, annotations } of alertRules()) {
    const [file, anchor = ''] = annotations.runbook.split('#');
    assert.equal(file, 'docs/runbook.md', alert);
    assert.ok(anchors.includes(anchor), `${alert}: there is no ${anchor}`);
    assert.ok(annotations.summary.length > 0);
  }
});
