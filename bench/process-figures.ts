/** What the kernel knows of a process, from /proc. */

import { readFileSync } from 'node:fs';

/** Of every Linux that Node runs on, whatever its timer interrupt does. */
const CLOCK_TICKS_PER_SECOND = 100;
/** Counted from the field behind the command's name, which is the third of the line. */
const USER_TICKS_FIELD = 11;
const SYSTEM_TICKS_FIELD = 12;

/** Of all threads, ended ones too. */
export function cpuSecondsOf(pid: number): number {
  const line = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[USER_TICKS_FIELD]) + Number(fields[SYSTEM_TICKS_FIELD]);
  return ticks / CLOCK_TICKS_PER_SECOND;
}

export interface ResidentMemory {
  readonly nowMegabytes: number;
  readonly peakMegabytes: number;
}

export function residentMemoryOf(pid: number): ResidentMemory {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  return { nowMegabytes: megabytes(text, 'VmRSS'), peakMegabytes: megabytes(text, 'VmHWM') };
}

function megabytes(status: string, field: string): number {
  const kibibytes = Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]);
  return (kibibytes * 1024) / 1e6;
}
