/**
 * Reads a YAML configuration file into single settings. Keys are checked here, where the line is
 * still known; values are checked by config/load.ts together with those of the other sources.
 */

import { isMap, isScalar, LineCounter, type Node, type Pair, parseDocument } from 'yaml';
import { HoldfastError } from '../platform/errors.js';
import { suggestNearest } from './nearest.js';
import { SECTIONS, SETTINGS } from './settings.js';

/** One setting as one source gives it. `source` follows "in": `in /etc/holdfast.yaml, line 3`. */
export interface GivenValue {
  readonly path: string;
  readonly value: unknown;
  readonly source: string;
}

const SETTING_PATHS = SETTINGS.map((setting) => setting.path);

export function readConfigurationFile(text: string, fileName: string): GivenValue[] {
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
  if (root === null) {
    return [];
  }
  if (!isMap(root)) {
    throw invalid(
      `${fileName} must hold settings as "key: value" lines, but holds something else.`,
    );
  }
  return root.items.flatMap((pair) => readTopLevel(pair, placeOf));
}

function readTopLevel(pair: Pair, placeOf: (node: unknown) => string): GivenValue[] {
  const key = keyText(pair);
  const place = placeOf(pair.key);
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

function readSetting(path: string, pair: Pair, place: string): GivenValue {
  if (!SETTING_PATHS.includes(path)) {
    const candidates = path.includes('.') ? SETTING_PATHS : [...SECTIONS, ...SETTING_PATHS];
    throw invalid(`Unknown key ${path} in ${place}${suggestNearest(path, candidates) || '.'}`);
  }
  const value = isScalar(pair.value) ? pair.value.value : isEmpty(pair.value) ? null : pair.value;
  return { path, value, source: place };
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
