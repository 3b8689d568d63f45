/**
 * A block of lines at the bottom of the terminal that is kept current in place. One write per
 * change and only the lines themselves are overwritten, so nothing flickers.
 */

import { stripVTControlCharacters } from 'node:util';

export interface ScreenStream {
  readonly columns?: number;
  write(text: string): unknown;
}

const ERASE_REST_OF_LINE = '\u001b[K';
const ERASE_BELOW = '\u001b[J';

export class Screen {
  readonly #stream: ScreenStream;
  #shown: readonly string[] = [];

  constructor(stream: ScreenStream) {
    this.#stream = stream;
  }

  /** Replaces the block by `lines`; `news` goes above it and stays. */
  show(lines: readonly string[], news: readonly string[]): void {
    const fitting = lines.map((line) => this.#fit(line));
    if (news.length === 0 && fitting.join('\n') === this.#shown.join('\n')) {
      return;
    }
    const up = this.#shown.length === 0 ? '' : `\u001b[${this.#shown.length}A\r`;
    const text = [...news, ...fitting].map((line) => `${line}${ERASE_REST_OF_LINE}\n`).join('');
    this.#stream.write(up + text + ERASE_BELOW);
    this.#shown = fitting;
  }

  /** A line that the terminal would wrap takes two rows, and the way back up would be wrong. */
  #fit(line: string): string {
    const columns = this.#stream.columns ?? Number.POSITIVE_INFINITY;
    const plain = stripVTControlCharacters(line);
    return plain.length < columns ? line : plain.slice(0, columns - 1);
  }
}
