/** Debian's Prometheus as a real process, with the shipped rules, and what its HTTP API says. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { atEnd } from './at-end.js';
import { eventually } from './eventually.js';
import { repositoryRoot } from './repository-root.js';
import { temporaryDirectoryOf } from './temporary-directory.js';

const LIMIT_MS = 60_000;

export const RULES_FILE = join(repositoryRoot(), 'deploy', 'prometheus', 'holdfast-alerts.yml');

/** For `test`: why it cannot run, or false. */
export const noPrometheus =
  spawnSync('promtool', ['--version'], { stdio: 'ignore' }).status === 0
    ? false
    : 'SKIPPED: prometheus is not installed (Debian: apt-get install prometheus)';

interface QueryResult {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

interface Alert {
  readonly state: string;
  readonly labels: Readonly<Record<string, string>>;
}

export class Prometheus {
  readonly #address: string;

  private constructor(address: string) {
    this.#address = address;
  }

  /** Scrapes `targets` as the job `holdfast`, each second. Alerts fire after a second instead of minutes. */
  static async start(test: TestContext, targets: readonly string[]): Promise<Prometheus> {
    const directory = await temporaryDirectoryOf(test);
    const rules = await readFile(RULES_FILE, 'utf8');
    await writeFile(join(directory, 'rules.yml'), rules.replaceAll(/for: \w+/g, 'for: 1s'));
    const config = {
      global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
      rule_files: ['rules.yml'],
      scrape_configs: [{ job_name: 'holdfast', static_configs: [{ targets }] }],
    };
    const configFile = join(directory, 'prometheus.yml');
    await writeFile(configFile, JSON.stringify(config));
    // It ends with this process, however that ends.
    const child = spawn(
      'setpriv',
      [
        ...['--pdeathsig', 'KILL', 'prometheus', `--config.file=${configFile}`],
        ...[`--storage.tsdb.path=${join(directory, 'data')}`],
        ...['--web.listen-address=127.0.0.1:0', '--log.format=json'],
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    const closed = once(child, 'close');
    atEnd(test, async () => {
      child.kill('SIGKILL');
      await closed;
    });
    const log: string[] = [];
    createInterface(child.stderr).on('line', (line) => log.push(line));
    const listening = await eventually(
      'Prometheus listens',
      () => {
        assert.equal(child.exitCode, null, log.join('\n'));
        return log.find((line) => line.includes('Listening on'));
      },
      LIMIT_MS,
    );
    return new Prometheus((JSON.parse(listening) as { address: string }).address);
  }

  async query(expression: string): Promise<readonly QueryResult[]> {
    const { result } = await this.#ask<{ result: readonly QueryResult[] }>(
      `query?query=${encodeURIComponent(expression)}`,
    );
    return result;
  }

  /** Resolves when the expression has an answer. */
  until(expression: string): Promise<readonly QueryResult[]> {
    const look = async () => {
      const found = await this.query(expression);
      return found.length > 0 && found;
    };
    return eventually(`Prometheus has ${expression}`, look, LIMIT_MS);
  }

  async firing(): Promise<readonly string[]> {
    const { alerts } = await this.#ask<{ alerts: readonly Alert[] }>('alerts');
    const firing = alerts.filter(({ state }) => state === 'firing');
    return firing.map(({ labels }) => labels.alertname ?? '').sort();
  }

  /** Resolves when these alerts fire, and perhaps others. */
  async untilFiring(...names: readonly string[]): Promise<void> {
    const look = async () => {
      const firing = await this.firing();
      return names.every((name) => firing.includes(name));
    };
    await eventually(`Prometheus fires ${names}`, look, LIMIT_MS);
  }

  async untilQuiet(...names: readonly string[]): Promise<void> {
    const look = async () => {
      const firing = await this.firing();
      return names.every((name) => !firing.includes(name));
    };
    await eventually(`Prometheus does not fire ${names} any more`, look, LIMIT_MS);
  }

  async #ask<Data>(what: string): Promise<Data> {
    const response = await fetch(`http://${this.#address}/api/v1/${what}`);
    const answer = (await response.json()) as { status: string; error?: string; data: Data };
    assert.equal(answer.status, 'success', answer.error);
    return answer.data;
  }
}
