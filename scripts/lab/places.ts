/** Where the lab keeps what. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Guest } from './hosts.js';

/** The project, from dist/scripts/lab/. */
export const PROJECT = fileURLToPath(new URL('../../../', import.meta.url)).replace(/\/$/, '');

/** The same folder as the guests see it. */
export const PROJECT_IN_GUESTS = '/opt/holdfast';
/** Where the store is mounted in the brokers; it is exported by the same name. */
export const STORE_IN_GUESTS = '/srv/holdfast';

/** Where all labs of this machine are known: namespaces belong to the machine, too, and both end with it. */
const ALL_LABS = '/run/holdfast-lab';

/**
 * What is built once, and the disks of the file servers. The variable does not begin with `HOLDFAST_`:
 * those are settings of nodes, and a node that inherits one that it does not know refuses to start.
 */
export function cacheFolder(): string {
  const { LAB_CACHE, XDG_CACHE_HOME } = process.env;
  return LAB_CACHE || join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'holdfast-lab');
}

export class LabPlaces {
  readonly name: string;
  readonly folder: string;
  /** Stays when the lab is gone: who removes a lock file may take it from under one who waits for it. */
  readonly lock: string;
  readonly programs: string;
  /** The namespace of the switches; the names of labs have no dots. */
  readonly namespace: string;
  readonly clientNamespace: string;

  constructor(name: string) {
    this.name = name;
    this.folder = join(ALL_LABS, name);
    this.lock = join(ALL_LABS, `${name}.lock`);
    this.programs = join(this.folder, 'bin');
    this.namespace = `holdfast-lab.${name}`;
    this.clientNamespace = `holdfast-lab.${name}.h`;
  }

  /** Tells of the lab as a whole; there as long as the lab is up. */
  get record(): string {
    return join(this.folder, 'lab.json');
  }

  guestRecord(guest: Guest): string {
    return join(this.folder, `${guest}.json`);
  }

  guestLock(guest: Guest): string {
    return join(this.folder, `${guest}.lock`);
  }

  console(guest: Guest): string {
    return join(this.folder, `${guest}.console.log`);
  }
}
