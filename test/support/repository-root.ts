import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The folder of package.json: compiled files lie below it, however deep. */
export function repositoryRoot(): string {
  let folder = new URL('.', import.meta.url);
  while (!existsSync(new URL('package.json', folder))) folder = new URL('..', folder);
  return fileURLToPath(folder);
}
