/** Metrics, alert rules and dashboard with a real Prometheus. Where it is not installed this is skipped, loudly. */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { atEnd } from '../support/at-end.js';
import { TestAuthority } from '../support/certificates.js';
import { metricsInDashboard, metricsInRules } from '../support/deployed-metrics.js';
import type { NodeProcess } from '../support/node-process.js';
import { noPrometheus, Prometheus, RULES_FILE } from '../support/prometheus.js';
import { temporaryDirectoryOf } from '../support/temporary-directory.js';
import { connect, Inbox } from '../support/test-client.js';
import { TestStore } from '../support/test-store.js';
import { tlsSettings } from '../support/tls-scene.js';

const OPEN_METRICS = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

async function scrape(node: NodeProcess, accept = '*/*'): Promise<Response> {
  const headers = { accept };
  const response = await fetch(`http://${node.addressOf('http')}/metrics`, { headers });
  assert.equal(response.status, 200);
  return response;
}

/** What promtool has to say of a scrape: nothing. */
async function promtoolJudges(text: string): Promise<string> {
  const child = spawn('promtool', ['check', 'metrics'], { stdio: ['pipe', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (bytes: Buffer) => {
      said += bytes.toString();
    });
  }
  child.stdin.end(text);
  const [code] = (await once(child, 'close')) as [number];
  return `${code}${said}`;
}

test('promtool takes the alert rules', { skip: noPrometheus }, async () => {
  const { stdout } = await promisify(execFile)('promtool', ['check', 'rules', RULES_FILE]);
  assert.match(stdout, /SUCCESS: \d+ rules found/);
});

test('promtool takes the metrics of either role', { skip: noPrometheus }, async (t) => {
  const store = await TestStore.make(t);
  const { live, backup } = await store.startPair();
  for (const node of [live, backup]) {
    assert.equal(await promtoolJudges(await (await scrape(node)).text()), '0', node.name);
  }
});

test('Prometheus sees a pair through a takeover, and fires', { skip: noPrometheus }, async (t) => {
  const directory = await temporaryDirectoryOf(t);
  const authority = await TestAuthority.make(directory);
  // For a day: soon enough for the alert.
  const made = await authority.forNode('node');
  const store = await TestStore.make(t, tlsSettings(made, authority));
  const { live, backup } = await store.startPair();
  const targets = [live.addressOf('http'), backup.addressOf('http')] as const;
  const prometheus = await Prometheus.start(t, targets);
  const client = await connect(live.address);
  atEnd(t, () => client.destroy());
  const inbox = await Inbox.open(client, '/queue/orders', 'auto');
  for (const body of ['1', '2', '3']) await client.send({ destination: '/queue/orders', body });
  await inbox.atLeast(3);
  await client.send({ destination: '/queue/left', body: 'x' });

  await prometheus.until('holdfast_queue_messages_acknowledged_total{queue="orders"} == 3');
  await prometheus.until('holdfast_queue_messages{queue="left"} == 1');
  await prometheus.until('holdfast_confirmation_seconds_count > 0');
  const [serving] = await prometheus.until('holdfast_role{role="live"} == 1');
  assert.equal(serving?.metric.instance, targets[0]);
  await prometheus.until('holdfast_backups_ready == 1');
  for (const name of new Set([...metricsInRules(), ...metricsInDashboard()])) {
    await prometheus.until(name);
  }
  await prometheus.untilQuiet('HoldfastNobodyLive', 'HoldfastTwoLive', 'HoldfastNoBackup');
  await prometheus.untilFiring('HoldfastCertificateExpires');
  const { validTo } = new X509Certificate(await readFile(made.certificate));
  const ends = await prometheus.query('holdfast_tls_certificate_expiry_timestamp_seconds');
  assert.deepEqual(
    ends.map(({ metric, value }) => [metric.instance, metric.listener, Number(value[1])]).sort(),
    targets
      .flatMap((target) =>
        ['stomp', 'amqp', 'admin'].map((name) => [target, name, Date.parse(validTo) / 1_000]),
      )
      .sort(),
  );

  await live.kill();
  await backup.untilRole('live');
  await prometheus.untilFiring('HoldfastNodeDown', 'HoldfastNoBackup');
  await prometheus.untilQuiet('HoldfastNobodyLive', 'HoldfastTwoLive');
  const [next] = await prometheus.until('holdfast_role{role="live"} == 1');
  assert.equal(next?.metric.instance, targets[1]);
  await prometheus.until('holdfast_queue_messages{queue="left"} == 1');

  await backup.kill();
  await prometheus.untilFiring('HoldfastNobodyLive');
});

test('whoever asks for OpenMetrics gets it', async (t) => {
  const store = await TestStore.make(t);
  const live = await store.startLive('a');
  const response = await scrape(
    live,
    'application/openmetrics-text;version=1.0.0,text/plain;q=0.5',
  );
  assert.equal(response.headers.get('content-type'), OPEN_METRICS);
  const text = await response.text();
  assert.match(text, /^# TYPE holdfast_lock_polls counter$/m);
  assert.ok(text.endsWith('\n# EOF\n'));
  const usual = await scrape(live);
  assert.match(usual.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
});
