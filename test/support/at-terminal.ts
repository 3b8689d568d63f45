/** Commands at a terminal of their own, which a person answers. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));

/** What it shows of a command that is answered once it asks, and what that ends with. */
export async function atTerminal(
  flags: readonly string[],
  { question, answer }: { readonly question: string; readonly answer: string },
): Promise<{ readonly shown: string; readonly code: number }> {
  const command = [process.execPath, PROGRAM, ...flags].join(' ');
  const child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const closed = once(child, 'close');
  let shown = '';
  child.stdout.on('data', (part) => {
    const isAsked = !shown.includes(question) && `${shown}${part}`.includes(question);
    shown += part;
    if (isAsked) child.stdin.write(`${answer}\r`);
  });
  const [code] = (await closed) as [number];
  return { shown, code };
}
