/**
 * Inputs that once broke a promise, kept in test/fuzz/found/ for ever: one JSON file each, in
 * which bytes are written as `{"base64": "..."}`.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { repositoryRoot } from '../support/repository-root.js';
import type { Failure } from './target.js';

/** Below the sources, not below what they were compiled to. */
export const FOUND_DIRECTORY = join(repositoryRoot(), 'test', 'fuzz', 'found');

const HASH_DIGITS = 12;
const LONGEST_ERROR = 200;

export interface FoundInput {
  readonly target: string;
  /** The error's text when it was found. */
  readonly error: string;
  readonly seed: number;
  readonly path: string;
  readonly input: unknown;
}

/** Returns the path of the file. The same input is kept once. */
export async function keepInput(
  target: string,
  failure: Failure,
  directory = FOUND_DIRECTORY,
): Promise<string> {
  const { seed, path, input } = failure;
  const error = firstLine(failure.error);
  const hash = createHash('sha256').update(encodeInput(input)).digest('hex');
  const file = join(directory, `${target}-${hash.slice(0, HASH_DIGITS)}.json`);
  await mkdir(directory, { recursive: true });
  await writeFile(file, `${encodeInput({ target, error, seed, path, input })}\n`);
  return file;
}

/** By the name of their file. */
export async function readFoundInputs(
  directory = FOUND_DIRECTORY,
): Promise<ReadonlyMap<string, FoundInput>> {
  const found = new Map<string, FoundInput>();
  if (!existsSync(directory)) return found;
  for (const name of (await readdir(directory)).sort()) {
    if (!name.endsWith('.json')) continue;
    const text = await readFile(join(directory, name), 'utf8');
    found.set(name, decodeInput(text) as FoundInput);
  }
  return found;
}

export function encodeInput(input: unknown): string {
  const encode = (_key: string, value: unknown): unknown =>
    value instanceof Uint8Array ? { base64: Buffer.from(value).toString('base64') } : value;
  return JSON.stringify(input, encode, 2);
}

export function decodeInput(text: string): unknown {
  return JSON.parse(text, (_key, value: unknown) => {
    const base64 = (value as { base64?: unknown } | null)?.base64;
    return typeof base64 === 'string' ? Uint8Array.from(Buffer.from(base64, 'base64')) : value;
  });
}

function firstLine(error: unknown): string {
  return (String(error).split('\n')[0] ?? '').slice(0, LONGEST_ERROR);
}
