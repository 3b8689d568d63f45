/** The metrics that the shipped rules and the shipped dashboard name. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { repositoryRoot } from './repository-root.js';

const DEPLOY = join(repositoryRoot(), 'deploy');

export interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  readonly annotations: { readonly summary: string; readonly runbook: string };
}

export function alertRules(): readonly AlertRule[] {
  const file = readFileSync(join(DEPLOY, 'prometheus', 'holdfast-alerts.yml'), 'utf8');
  const { groups } = parse(file) as { groups: readonly { rules: readonly AlertRule[] }[] };
  return groups.flatMap(({ rules }) => rules);
}

export function metricsInRules(): readonly string[] {
  return metricsIn(alertRules().map(({ expr }) => expr));
}

export function metricsInDashboard(): readonly string[] {
  const file = readFileSync(join(DEPLOY, 'grafana', 'holdfast.json'), 'utf8');
  const { panels } = JSON.parse(file) as {
    panels: readonly { targets?: readonly { expr: string }[] }[];
  };
  return metricsIn(panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)));
}

function metricsIn(expressions: readonly string[]): readonly string[] {
  const found = expressions.flatMap((text) => text.match(/\b(holdfast|process|nodejs)_\w+/g) ?? []);
  return [...new Set(found)].sort();
}
