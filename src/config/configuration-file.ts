/**
 * Reads a YAML configuration file into single settings. Keys are checked here, where the line is
 * still known; values are checked by config/load.ts together with those of the other sources.
 */

import { Document, isMap, isScalar, LineCounter, type Node, type Pair, parseDocument } from 'yaml';
import { HoldfastError } from '../platform/errors.js';
import { suggestNearest } from './nearest.js';
import { ADDRESS_SETTINGS, ADDRESSES, SECTIONS, SETTINGS } from './settings.js';

/** One setting as one source gives it. `source` follows "in": `in /etc/holdfast.yaml, line 3`. */
export interface GivenValue {
  readonly path: string;
  readonly value: unknown;
  readonly source: string;
  /** Set for a setting of `addresses`: whose it is. The path then ends with its key. */
  readonly pattern?: string;
}

type PlaceOf = (node: unknown) => string;

const SETTING_PATHS = SETTINGS.map((setting) => setting.path);
const ADDRESS_KEYS = ADDRESS_SETTINGS.map((setting) => setting.path);

export function readConfigurationFile(text: string, fileName: string): GivenValue[] {
  return readYaml(text, fileName, (root, placeOf) => readRoot(root, fileName, placeOf));
}

/** The same from an object in place of a file. `sourceName` is the place of all that is in it. */
export function readConfigurationObject(settings: unknown, sourceName: string): GivenValue[] {
  const root: unknown = new Document(settings).contents;
  return isEmpty(root) ? [] : readRoot(root, sourceName, () => sourceName);
}

/** The map of patterns alone, as `HOLDFAST_ADDRESSES` holds it. */
export function readAddresses(text: string, sourceName: string): GivenValue[] {
  return readYaml(text, sourceName, (root, placeOf) => readRules(root, sourceName, placeOf));
}

function readRoot(root: unknown, sourceName: string, placeOf: PlaceOf): GivenValue[] {
  if (!isMap(root)) {
    throw invalid(
      `${sourceName} must hold settings as "key: value" lines, but holds something else.`,
    );
  }
  return root.items.flatMap((pair) => readTopLevel(pair, placeOf));
}

function readYaml(
  text: string,
  fileName: string,
  read: (root: unknown, placeOf: PlaceOf) => GivenValue[],
): GivenValue[] {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const error = document.errors[0];
  if (error !== undefined) {
    const { line, col } = lines.linePos(error.pos[0]);
    throw invalid(
      `${fileName} is not valid YAML at line ${line}, column ${col}: ${error.message.replace(/\.?$/, '.')}`,
    );
  }
  const placeOf = (node: unknown): string => {
    const start = (node as Node | null)?.range?.[0];
    return start === undefined ? fileName : `${fileName}, line ${lines.linePos(start).line}`;
  };
  const root: unknown = document.contents;
  return isEmpty(root) ? [] : read(root, placeOf);
}

function readTopLevel(pair: Pair, placeOf: PlaceOf): GivenValue[] {
  const key = keyText(pair);
  const place = placeOf(pair.key);
  if (key === ADDRESSES) return isEmpty(pair.value) ? [] : readRules(pair.value, place, placeOf);
  if (!SECTIONS.includes(key)) {
    return [readSetting(key, pair, place)];
  }
  if (isEmpty(pair.value)) {
    return [];
  }
  if (!isMap(pair.value)) {
    throw invalid(`${key} in ${place} is a section and must hold settings below it.`);
  }
  return pair.value.items.map((child) =>
    readSetting(`${key}.${keyText(child)}`, child, placeOf(child.key)),
  );
}

function readRules(value: unknown, place: string, placeOf: PlaceOf): GivenValue[] {
  if (!isMap(value)) {
    throw invalid(
      `${ADDRESSES} in ${place} must hold patterns of addresses, each with settings below it.`,
    );
  }
  return value.items.flatMap((rule) => readRule(rule, placeOf));
}

function readRule(rule: Pair, placeOf: PlaceOf): GivenValue[] {
  const pattern = keyText(rule);
  const path = `${ADDRESSES}.${pattern}`;
  if (isEmpty(rule.value)) return [];
  if (!isMap(rule.value)) {
    const place = placeOf(rule.key);
    throw invalid(`${path} in ${place} is a pattern of addresses and must hold settings below it.`);
  }
  return rule.value.items.map((pair) => {
    const key = keyText(pair);
    const source = placeOf(pair.key);
    if (!ADDRESS_KEYS.includes(key)) {
      throw invalid(
        `Unknown key ${key} of ${path} in ${source}${suggestNearest(key, ADDRESS_KEYS) || '.'}`,
      );
    }
    return { path: `${path}.${key}`, value: plainValue(pair), source, pattern };
  });
}

function readSetting(path: string, pair: Pair, place: string): GivenValue {
  if (!SETTING_PATHS.includes(path)) {
    const candidates = path.includes('.')
      ? SETTING_PATHS
      : [ADDRESSES, ...SECTIONS, ...SETTING_PATHS];
    throw invalid(`Unknown key ${path} in ${place}${suggestNearest(path, candidates) || '.'}`);
  }
  return { path, value: plainValue(pair), source: place };
}

function plainValue({ value }: Pair): unknown {
  return isScalar(value) ? value.value : value;
}

function keyText(pair: Pair): string {
  return isScalar(pair.key) ? String(pair.key.value) : String(pair.key);
}

function isEmpty(value: unknown): boolean {
  return value === null || (isScalar(value) && value.value === null);
}

function invalid(sentence: string): HoldfastError {
  return new HoldfastError('CONFIG_INVALID', sentence);
}
