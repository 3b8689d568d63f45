/**
 * Writes docs/configuration.md from the schema, so that the page lists every setting as it is. A
 * test compares the page with this text.
 */

import { RELATIONS } from './relations.js';
import {
  ADDRESS_SETTINGS,
  ADDRESSES,
  ADDRESSES_VARIABLE,
  describeAllowed,
  SETTINGS,
  type Setting,
} from './settings.js';

const INTRODUCTION = `# Configuration

<!-- Written by scripts/write-configuration-page.mjs from src/config/schema.ts. Change it there. -->

A node takes its settings from four places. Each one goes over those before it:

1. the defaults in the tables below;
2. a YAML file, named by \`--config FILE\` or \`HOLDFAST_CONFIG\`;
3. environment variables that begin with \`HOLDFAST_\`; an empty one counts as not given;
4. command-line flags: \`--store\`, \`--name\`, \`--stomp\`, \`--amqp\`, \`--admin\`, \`--log-level\`, \`--log-format\`, \`--allow-anonymous\`.

All of it is checked at the start, and [again when the file changes](hooks.md#reading-the-configuration-again): \`addresses\`, \`hooks\` and
\`log.level\` are used from then on, the others after a restart. An unknown key or variable is refused with the nearest
known one, and a value that is not allowed is refused with its place and what is allowed. All
nodes of a store should have the same settings, apart from \`name\` and addresses.

\`\`\`yaml
# holdfast.yaml
store: /srv/holdfast
stomp:
  listen: 127.0.0.1:61613
limits:
  queueMaxMessages: 1000000
addresses:
  'orders.>':
    deadLetterAddress: DLQ.orders
    whenFull: reject
log:
  format: json
\`\`\`

Sizes are in bytes and times in milliseconds. An address is \`PORT\`, \`HOST:PORT\` or \`[IPV6]:PORT\`;
a port alone serves this machine only. A listener that other hosts can reach is refused unless
\`security.usersFile\` names users ([security.md](security.md)), or \`allowAnonymous\` is true.
`;

export function configurationPage(): string {
  const sections = new Map<string, Setting[]>();
  for (const setting of SETTINGS) {
    const section = setting.path.includes('.') ? (setting.path.split('.')[0] ?? '') : 'General';
    sections.set(section, [...(sections.get(section) ?? []), setting]);
  }
  const tables = [...sections].map(([section, settings]) => sectionTable(section, settings));
  return `${[INTRODUCTION, ...tables, addressTable(), relationsList()].join('\n')}`;
}

function sectionTable(section: string, settings: readonly Setting[]): string {
  const rows = settings.map(
    (setting) =>
      `| \`${setting.path}\` | ${setting.description} | ${defaultText(setting)} | ${allowedText(setting)} | \`${setting.environmentName}\` |`,
  );
  const title = section === 'General' ? section : `\`${section}\``;
  return [
    `## ${title}`,
    '',
    '| setting | what it is | default | allowed | variable |',
    '|---|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}

function addressTable(): string {
  const rows = ADDRESS_SETTINGS.map(
    (setting) => `| \`${setting.path}\` | ${setting.description} | ${allowedText(setting)} |`,
  );
  return [
    `## \`${ADDRESSES}\``,
    '',
    'A map from patterns of the names of queues and topics to settings: see [addresses.md](addresses.md), with',
    `examples. In \`${ADDRESSES_VARIABLE}\` the same map is YAML or JSON; it goes over the file's setting by setting.`,
    '',
    '| setting | what it is | allowed |',
    '|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}

function relationsList(): string {
  const rows = RELATIONS.map(
    ({ path, rule, reason }) => `- \`${path}\` must be ${rule}: otherwise ${reason}.`,
  );
  return ['## Settings that depend on each other', '', ...rows, ''].join('\n');
}

function defaultText({ defaultValue }: Setting): string {
  if (defaultValue === undefined) {
    return '';
  }
  return typeof defaultValue === 'number' ? readableNumber(defaultValue) : `\`${defaultValue}\``;
}

function allowedText({ type }: Pick<Setting, 'type'>): string {
  return type.kind === 'integer' || type.kind === 'number'
    ? `${readableNumber(type.minimum)} to ${readableNumber(type.maximum)}`
    : describeAllowed(type);
}

function readableNumber(value: number): string {
  return value.toLocaleString('en-US');
}
