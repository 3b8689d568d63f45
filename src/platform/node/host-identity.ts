/** Who this process is: host, pid, and the boot and pid namespace in which that pid means something. */
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { errnoOf } from '../errors.js';
import type { HostIdentity } from '../ports.js';

export function readHostIdentity(): HostIdentity {
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  const namespace = readlinkSync('/proc/self/ns/pid').replace(/\D/g, '');
  return Object.freeze({ host: hostname(), pid: process.pid, bootId: `${boot}/${namespace}` });
}

/** Only meaningful for a pid of this boot and this pid namespace. */
export function isProcessAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ESRCH') return false;
    if (errnoOf(error) === 'EPERM') return true;
    throw error;
  }
}
