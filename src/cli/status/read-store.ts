/**
 * Child of `holdfast status`: reads the store whenever it is asked, so that a file server that does
 * not answer hangs this process and not the one that has to tell of it.
 */

import { errnoOf, HoldfastError, messageOf } from '../../platform/errors.js';
import type { StoreAnswer, StoreQuestion } from './store-process.js';
import { openStoreReader } from './store-reader.js';

process.on('message', (question: StoreQuestion) => {
  answer(question).then(
    (reply) => process.send?.(reply),
    (error: unknown) => {
      throw error;
    },
  );
});
process.on('disconnect', () => process.exit());

async function answer({ store, observeMs }: StoreQuestion): Promise<StoreAnswer> {
  try {
    return { kind: 'read', status: await openStoreReader(store).read(observeMs) };
  } catch (error) {
    const message = messageOf(error);
    if (error instanceof HoldfastError) return { kind: 'refused', code: error.code, message };
    const errno = errnoOf(error);
    if (errno === undefined) return { kind: 'defect', message };
    if (errno !== 'EACCES' && errno !== 'EPERM') return { kind: 'failed', message };
    const mend =
      'Use the user that the nodes run as (sudo -u holdfast ...), or give this one access.';
    return { kind: 'refused', code: 'STORE_UNWRITABLE', message: `${message}. ${mend}` };
  }
}
