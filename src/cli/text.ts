/** How numbers, times and tables look to people, on every page that this program prints. */

import { stripVTControlCharacters } from 'node:util';
import Table from 'cli-table3';
import picocolors from 'picocolors';

export type Paint = ReturnType<typeof picocolors.createColors>;

/** Colours for a terminal that wants them, else the same functions without effect. */
export function paintFor(stream: { readonly isTTY?: boolean }): Paint {
  const { NO_COLOR, TERM } = process.env;
  return picocolors.createColors(stream.isTTY === true && !NO_COLOR && TERM !== 'dumb');
}

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** `0.25 s`, `12 s`, `3 min`, `5 h`, `2 d`. */
export function durationText(durationMs: number): string {
  if (durationMs < 10 * SECOND_MS) {
    return `${(Math.max(0, durationMs) / SECOND_MS).toFixed(2)} s`;
  }
  if (durationMs < 2 * MINUTE_MS) {
    return `${Math.floor(durationMs / SECOND_MS)} s`;
  }
  if (durationMs < 2 * HOUR_MS) {
    return `${Math.floor(durationMs / MINUTE_MS)} min`;
  }
  return durationMs < 2 * DAY_MS
    ? `${Math.floor(durationMs / HOUR_MS)} h`
    : `${Math.floor(durationMs / DAY_MS)} d`;
}

/** Of what a backup does not know, a dash. */
export function knownNumber(value: number | null): string {
  return value === null ? '-' : String(value);
}

/** `512 B`, `1.5 KiB`, `20 MiB`. */
export function bytesText(count: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = count;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit > 0 && value < 10 ? value.toFixed(1) : Math.floor(value)} ${units[unit]}`;
}

/** `1 message`, `20 messages`. */
export function messagesText(count: number): string {
  return `${count} ${count === 1 ? 'message' : 'messages'}`;
}

const PROGRESS_COLUMNS = 40;

/** `########......  35%  1.4 GiB of 4.0 GiB`. */
export function progressLine(doneBytes: number, totalBytes: number): string {
  return `${barText(doneBytes, totalBytes)}  ${bytesText(doneBytes)} of ${bytesText(totalBytes)}`;
}

/** `########......  35%  350000 of 1000000 messages`. */
export function messagesProgressLine(done: number, total: number): string {
  return `${barText(done, total)}  ${done} of ${total} messages`;
}

function barText(done: number, total: number): string {
  const share = total === 0 ? 1 : Math.min(1, done / total);
  const filled = Math.floor(share * PROGRESS_COLUMNS);
  const bar = '#'.repeat(filled) + '.'.repeat(PROGRESS_COLUMNS - filled);
  return `${bar} ${String(Math.floor(share * 100)).padStart(3)}%`;
}

/** On one line of a terminal, without whatever would move its cursor or change its colours. */
export function plainLine(text: string): string {
  return stripVTControlCharacters(text).replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ');
}

/** Breaks `text` between words, so that no line has more than `columns`, where words allow that. Each begins with `indent`. */
export function wrapText(text: string, columns: number, indent = ''): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= columns) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else {
      lines.push(indent + word);
    }
  }
  return lines;
}

/** `12:00:05.250`, in local time. */
export function clockText(wallMs: number): string {
  const date = new Date(wallMs);
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map(twoDigits).join(':');
  return `${time}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

/** `2026-01-31 12:00:05`, in local time. */
export function dateText(wallMs: number): string {
  const date = new Date(wallMs);
  const day = [date.getFullYear(), date.getMonth() + 1, date.getDate()].map(twoDigits).join('-');
  return `${day} ${clockText(wallMs).slice(0, 8)}`;
}

/** Of the terminal that is printed to; infinite for a file or a pipe, and for one that does not say. */
export function terminalColumns(): number {
  return (process.stdout.isTTY && process.stdout.columns) || Number.POSITIVE_INFINITY;
}

/** A table without lines. Where it is too wide for `columns`, long texts are cut, so that all its figures are seen. */
export function tableLines(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  // A line that fills the last one wraps on some terminals.
  columns = terminalColumns() - 1,
): string[] {
  const nothing = '';
  const table = new Table({
    head: [...head],
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': COLUMN_GAP },
    chars: {
      top: nothing,
      'top-mid': nothing,
      'top-left': nothing,
      'top-right': nothing,
      bottom: nothing,
      'bottom-mid': nothing,
      'bottom-left': nothing,
      'bottom-right': nothing,
      left: nothing,
      'left-mid': nothing,
      mid: nothing,
      'mid-mid': nothing,
      right: nothing,
      'right-mid': nothing,
      middle: nothing,
    },
  });
  const widths = fittingWidths([head, ...rows], columns);
  table.push(...rows.map((row) => row.map((cell, index) => cutTo(cell, widths[index] ?? 0))));
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd());
}

const COLUMN_GAP = 2;
/** What is left of a text that is cut, however narrow the terminal. */
const LEAST_CELL_COLUMNS = 12;

/** Of each column, once the widest of them have given what is too much. */
function fittingWidths(rows: readonly (readonly string[])[], columns: number): number[] {
  const widths = (rows[0] ?? []).map((_, index) =>
    Math.max(...rows.map((row) => plainLength(row[index] ?? ''))),
  );
  const total = (): number => widths.reduce((sum, width) => sum + width + COLUMN_GAP, 0);
  while (total() - COLUMN_GAP > columns) {
    const widest = Math.max(...widths);
    if (widest <= LEAST_CELL_COLUMNS) break;
    widths[widths.indexOf(widest)] = widest - 1;
  }
  return widths;
}

function cutTo(cell: string, width: number): string {
  if (plainLength(cell) <= width) return cell;
  return `${stripVTControlCharacters(cell).slice(0, width - 1)}…`;
}

function plainLength(text: string): number {
  return stripVTControlCharacters(text).length;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}
