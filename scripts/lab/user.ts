/** A user of the host that this runs on: a guest, or this machine. */
import { readFileSync } from 'node:fs';

export interface User {
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

export function findUser(name: string): User {
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n');
  const fields = lines.map((line) => line.split(':')).find(([first]) => first === name);
  if (fields === undefined) throw new Error(`there is no user ${name}`);
  return { uid: Number(fields[2]), gid: Number(fields[3]), home: fields[5] ?? '/' };
}
