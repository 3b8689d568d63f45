/** How far long work has come: on standard error, and only on a terminal. */

import { Screen } from './screen.js';

export interface ProgressBar {
  show(done: number, total: number): void;
  clear(): void;
}

/** `line`: as it is shown. */
export function progressBar(line: (done: number, total: number) => string): ProgressBar {
  if (!process.stderr.isTTY) {
    return { show: () => undefined, clear: () => undefined };
  }
  const screen = new Screen(process.stderr);
  return {
    show: (done, total) => screen.show([line(done, total)], []),
    clear: () => screen.show([], []),
  };
}
