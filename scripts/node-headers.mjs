/** Where the headers of the Node that runs this lie, for node-gyp: with them at hand it downloads none. */
import { readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The prefix whose include/node holds the headers of just this Node, or null. */
export function nodeHeadersPrefix() {
  const prefixes = [dirname(dirname(realpathSync(process.execPath))), '/usr', '/usr/local'];
  const [major, minor] = process.versions.node.split('.');
  const isOurs = (prefix) => {
    try {
      const header = readFileSync(join(prefix, 'include', 'node', 'node_version.h'), 'utf8');
      return (
        header.includes(`#define NODE_MAJOR_VERSION ${major}\n`) &&
        header.includes(`#define NODE_MINOR_VERSION ${minor}\n`)
      );
    } catch (error) {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return false;
      throw error;
    }
  };
  return prefixes.find(isOurs) ?? null;
}
