/** Asks a person before something is destroyed. */

import { createInterface } from 'node:readline/promises';
import type { Options } from 'yargs';
import { HoldfastError } from '../../platform/errors.js';
import { usageError } from '../arguments.js';

export const YES_OPTION = {
  type: 'boolean',
  description: 'Do not ask before messages or connections are destroyed',
} as const satisfies Options;

/** `question`: `Purge 12 messages of queue orders?`. Throws unless the answer is yes. */
export async function confirm(question: string, yes: boolean | undefined): Promise<void> {
  if (yes === true) return;
  if (!process.stdin.isTTY) {
    throw usageError(`${question} Nobody can be asked here; say --yes.`);
  }
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await asking.question(`${question} [y/N] `);
    if (/^y(es)?$/i.test(answer.trim())) return;
  } finally {
    asking.close();
  }
  throw new HoldfastError('CLIENT_FAILED', 'Nothing was done.');
}
