/** What a command prints: one JSON object, or lines that fit the terminal. */

import { terminalColumns } from '../text.js';

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

export function printLines(lines: readonly string[]): void {
  const columns = terminalColumns();
  process.stdout.write(`${lines.map((line) => line.slice(0, columns)).join('\n')}\n`);
}
