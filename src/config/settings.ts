/**
 * The schema seen as a flat list of settings. The loader, the command line's help and the page
 * docs/configuration.md all work from this list, so that they cannot disagree.
 */

import { ConfigSchema } from './schema.js';

export const ENVIRONMENT_PREFIX = 'HOLDFAST_';

type SettingKind =
  | { readonly kind: 'integer'; readonly minimum: number; readonly maximum: number }
  | { readonly kind: 'boolean' }
  | { readonly kind: 'text'; readonly allowed: string }
  | { readonly kind: 'choice'; readonly choices: readonly string[] };

export interface Setting {
  /** As in the configuration file: `limits.maxQueues`. */
  readonly path: string;
  /** `HOLDFAST_LIMITS_MAX_QUEUES`. */
  readonly environmentName: string;
  readonly description: string;
  readonly defaultValue: number | boolean | string | undefined;
  readonly type: SettingKind;
}

/** The part of JSON Schema that config/schema.ts uses. */
interface SchemaNode {
  readonly type?: string;
  readonly description?: string;
  readonly default?: number | boolean | string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly allowed?: string;
  readonly properties?: { readonly [key: string]: SchemaNode };
  readonly anyOf?: readonly { readonly const: string }[];
}

export const SETTINGS: readonly Setting[] = listSettings(ConfigSchema as SchemaNode, []);

/** The sections of a configuration file: `stomp`, `limits`, ... */
export const SECTIONS: readonly string[] = Object.entries(
  (ConfigSchema as SchemaNode).properties ?? {},
).flatMap(([key, node]) => (node.properties === undefined ? [] : [key]));

/** What may be given, to follow "must be". */
export function describeAllowed(type: SettingKind): string {
  switch (type.kind) {
    case 'integer':
      return `a whole number from ${type.minimum} to ${type.maximum}`;
    case 'boolean':
      return 'true or false';
    case 'text':
      return type.allowed;
    case 'choice':
      return `one of ${type.choices.join(', ')}`;
  }
}

function listSettings(node: SchemaNode, path: readonly string[]): Setting[] {
  if (node.properties !== undefined) {
    return Object.entries(node.properties).flatMap(([key, child]) =>
      listSettings(child, [...path, key]),
    );
  }
  return [
    {
      path: path.join('.'),
      environmentName: environmentName(path),
      description: node.description ?? '',
      defaultValue: node.default,
      type: settingKind(node),
    },
  ];
}

function settingKind(node: SchemaNode): SettingKind {
  if (node.anyOf !== undefined) {
    return { kind: 'choice', choices: node.anyOf.map((choice) => choice.const) };
  }
  if (node.type === 'integer') {
    return { kind: 'integer', minimum: node.minimum ?? 0, maximum: node.maximum ?? 0 };
  }
  if (node.type === 'boolean') {
    return { kind: 'boolean' };
  }
  return { kind: 'text', allowed: node.allowed ?? 'text' };
}

/** `['limits', 'maxQueues']` becomes `HOLDFAST_LIMITS_MAX_QUEUES`. */
function environmentName(path: readonly string[]): string {
  const words = path.map((key) => key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase());
  return ENVIRONMENT_PREFIX + words.join('_');
}
