/** A folder of files that were built with the program, read once. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** By their paths below the folder, with slashes. Throws when there is no such folder. */
export function readFilesBelow(folder: URL): Map<string, Buffer> {
  const root = fileURLToPath(folder);
  const entries = readdirSync(root, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return new Map(
    files.map(({ parentPath, name }) => {
      const path = `${parentPath}/${name}`;
      return [path.slice(root.length).replace(/^\/+/, ''), readFileSync(path)];
    }),
  );
}
