/** What a process of this machine holds, as Linux tells it. */
import assert from 'node:assert/strict';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { errnoOf } from '../../src/platform/errors.js';

const KIBIBYTE = 1024;

export interface Descriptors {
  /** Files below a `journal` directory. */
  readonly journal: number;
  readonly other: number;
}

export async function openDescriptors(pid: number): Promise<Descriptors> {
  let [journal, other] = [0, 0];
  for (const descriptor of await readdir(`/proc/${pid}/fd`)) {
    try {
      const target = await readlink(`/proc/${pid}/fd/${descriptor}`);
      if (target.includes('/journal/')) journal += 1;
      else other += 1;
    } catch (error) {
      // Closed since it was listed.
      assert.equal(errnoOf(error), 'ENOENT');
    }
  }
  return { journal, other };
}

export function residentBytes(pid: number): Promise<number> {
  return statusBytes(pid, 'VmRSS');
}

/** The most that it ever had. */
export function peakResidentBytes(pid: number): Promise<number> {
  return statusBytes(pid, 'VmHWM');
}

async function statusBytes(pid: number, name: string): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * KIBIBYTE;
}

/** How many descriptors this process, and each process that it starts, may have open. */
export async function descriptorLimit(): Promise<number> {
  const limits = await readFile('/proc/self/limits', 'utf8');
  const soft = /^Max open files\s+(\S+)/m.exec(limits)?.[1];
  return soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft);
}
