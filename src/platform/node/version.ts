/** The version in package.json, which lies above the compiled files, however deep they are. */

import { existsSync, readFileSync } from 'node:fs';

export function packageVersion(): string {
  let file = new URL('package.json', import.meta.url);
  while (!existsSync(file) && file.pathname !== '/package.json') {
    file = new URL('../package.json', file);
  }
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
