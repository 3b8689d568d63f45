/**
 * The schema seen as a flat list of settings. The loader, the command line's help and the page
 * docs/configuration.md all work from this list, so that they cannot disagree.
 */

import * as v from 'valibot';
import { AddressRule } from './address-rules.js';
import { ConfigSchema } from './schema.js';
import type { SettingType } from './setting-types.js';

export const ENVIRONMENT_PREFIX = 'HOLDFAST_';

export interface Setting {
  /** As in the configuration file: `limits.maxQueues`. */
  readonly path: string;
  /** `HOLDFAST_LIMITS_MAX_QUEUES`. */
  readonly environmentName: string;
  readonly description: string;
  readonly defaultValue: number | boolean | string | undefined;
  readonly type: SettingType;
}

/** The settings of a section, or of the top level, by their keys. */
type Entries = v.ObjectEntries;

/** The map of address patterns to settings is no setting of its own. */
export const ADDRESSES = 'addresses';
export const ADDRESSES_VARIABLE = environmentName([ADDRESSES]);
const { [ADDRESSES]: _addresses, ...PLAIN_ENTRIES } = ConfigSchema.entries;
const { pattern: _pattern, ...RULE_ENTRIES } = AddressRule.entries;

export const SETTINGS: readonly Setting[] = listSettings(PLAIN_ENTRIES, []);

/** What may be said below each pattern of `addresses`, with the key alone as path. */
export const ADDRESS_SETTINGS: readonly Omit<Setting, 'environmentName'>[] = listSettings(
  RULE_ENTRIES,
  [],
);

/** The sections of a configuration file: `stomp`, `limits`, ... */
export const SECTIONS: readonly string[] = Object.entries(PLAIN_ENTRIES).flatMap(([key, schema]) =>
  entriesOf(schema) === null ? [] : [key],
);

/** What may be given, to follow "must be". */
export function describeAllowed(type: SettingType): string {
  switch (type.kind) {
    case 'integer':
      return `a whole number from ${type.minimum} to ${type.maximum}`;
    case 'number':
      return `a number from ${type.minimum} to ${type.maximum}`;
    case 'boolean':
      return 'true or false';
    case 'text':
      return type.allowed;
    case 'choice':
      return `one of ${type.choices.join(', ')}`;
  }
}

function listSettings(entries: Entries, path: readonly string[]): Setting[] {
  return Object.entries(entries).flatMap(([key, schema]) => {
    const inner = entriesOf(schema);
    const innerPath = [...path, key];
    return inner === null ? [settingOf(schema, innerPath)] : listSettings(inner, innerPath);
  });
}

/** Null for a single setting. */
function entriesOf(schema: Entries[string]): Entries | null {
  return 'entries' in schema ? (schema.entries as Entries) : null;
}

function settingOf(schema: Entries[string], path: readonly string[]): Setting {
  const plain = 'wrapped' in schema ? (schema.wrapped as Entries[string]) : schema;
  const { description, type } = v.getMetadata(plain) as Pick<Setting, 'description' | 'type'>;
  const defaultValue = v.getDefault(schema) as Setting['defaultValue'];
  return {
    path: path.join('.'),
    environmentName: environmentName(path),
    description,
    defaultValue,
    type,
  };
}

/** `['limits', 'maxQueues']` becomes `HOLDFAST_LIMITS_MAX_QUEUES`. */
function environmentName(path: readonly string[]): string {
  const words = path.map((key) => key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase());
  return ENVIRONMENT_PREFIX + words.join('_');
}
