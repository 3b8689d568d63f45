/** Asks a person before something is destroyed. */

import { createInterface, type Interface } from 'node:readline/promises';
import type { Options } from 'yargs';
import { usageError } from '../arguments.js';

export const YES_OPTION = {
  type: 'boolean',
  description: 'Do not ask before messages or connections are destroyed',
} as const satisfies Options;

/** `question`: `Purge 12 messages of queue orders?`. Throws CONFIG_INVALID unless the answer is yes. */
export async function confirm(question: string, yes: boolean | undefined): Promise<void> {
  if (yes === true) return;
  if (!process.stdin.isTTY) {
    throw usageError(`${question} Nobody can be asked here; say --yes.`);
  }
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  try {
    if (/^y(es)?$/i.test((await answerTo(asking, question)).trim())) return;
  } finally {
    asking.close();
  }
  throw usageError('Nothing was done.');
}

/** Empty after Ctrl-C and Ctrl-D. */
async function answerTo(asking: Interface, question: string): Promise<string> {
  try {
    return await asking.question(`${question} [y/N] `);
  } catch (error) {
    if ((error as Error).name !== 'AbortError') throw error;
    process.stderr.write('\n');
    return '';
  }
}
