/** What a command prints: one JSON object, or lines that fit the terminal. */

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

export function printLines(lines: readonly string[]): void {
  // A terminal may not say how wide it is: then 0.
  const columns = (process.stdout.isTTY && process.stdout.columns) || Number.POSITIVE_INFINITY;
  process.stdout.write(`${lines.map((line) => line.slice(0, columns)).join('\n')}\n`);
}
