/** The end of a child process together with all that it wrote. */
import type { ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { setImmediate as immediate } from 'node:timers/promises';
import type { ProcessEnd } from './frames.js';

/**
 * Resolves when the process has ended and everything it wrote has been given to the readers of its output.
 *
 * The pipes may stay open for ever in the hands of processes that it left in the background, so their
 * end cannot be waited for. What the process itself wrote is in them when it ends: a whole turn of the
 * event loop that reads nothing has read it all.
 */
export async function readOut(
  child: ChildProcessByStdio<Writable, Readable, Readable>,
): Promise<ProcessEnd> {
  const outputs = [child.stdout, child.stderr];
  let chunks = 0;
  for (const output of outputs) {
    output.on('data', () => {
      chunks += 1;
    });
  }
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  for (let before = -1; before !== chunks; ) {
    before = chunks;
    for (const output of outputs) if (output.isPaused()) await once(output, 'resume');
    // The first ends the turn under way, the second a whole one.
    await immediate();
    await immediate();
  }
  for (const output of outputs) output.destroy();
  return { code, signal };
}
