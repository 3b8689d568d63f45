/** The users file of a running node: read at the start, and again whenever it changes. */
import { HoldfastError, messageOf } from '../platform/errors.js';
import type { Logger } from '../platform/logger.js';
import { nodeClock } from '../platform/node/clock.js';
import { nodeCryptography } from '../platform/node/cryptography.js';
import { readPrivateFile } from '../platform/node/private-file.js';
import { watchFile } from '../platform/node/watch.js';
import { Security } from '../security/security.js';
import { parseUsersFile, type UsersFile } from '../security/users-file.js';
import { SerialTask } from './serial-task.js';

export interface WatchedUsers {
  readonly security: Security;
  /** Waits for a look at the file that is under way. */
  close(): Promise<void>;
}

/** Throws CONFIG_INVALID when the file is missing, others may read it, or it says something that is not understood. */
export async function watchUsers(path: string, logger: Logger): Promise<WatchedUsers> {
  let text = await readText(path);
  const file = parseUsersFile(text, path);
  const options = { cryptography: nodeCryptography, clock: nodeClock, logger };
  const security = new Security(options, file);
  logger.info('users-read', { path, users: file.users.size }, `${countOf(file)} in ${path}`);
  let wasRefused = false;
  const reload = async (): Promise<void> => {
    try {
      const now = await readText(path);
      if (now === text && !wasRefused) return;
      const changed = parseUsersFile(now, path);
      if (now !== text) security.replace(changed);
      const what = now === text ? 'is as it was before' : 'has changed';
      text = now;
      wasRefused = false;
      logger.info(
        'users-changed',
        { path, users: changed.users.size },
        `${path} ${what}: ${countOf(changed)}`,
      );
    } catch (error) {
      wasRefused = true;
      const sentence = `The users of before stay as they are, for their file is of no use now. ${messageOf(error)}`;
      logger.error('users-refused', { path }, sentence);
    }
  };
  const reloads = new SerialTask(reload);
  const watcher = watchFile(path, () => void reloads.run());
  const close = async (): Promise<void> => {
    await watcher.close();
    await reloads.idle();
  };
  return { security, close };
}

async function readText(path: string): Promise<string> {
  const text = await readPrivateFile(path);
  if (text !== null) return text;
  throw new HoldfastError(
    'CONFIG_INVALID',
    `There is no users file at ${path} (security.usersFile); make it with: holdfast user add NAME --users-file ${path}.`,
  );
}

function countOf({ users }: UsersFile): string {
  return users.size === 1 ? '1 user' : `${users.size} users`;
}
