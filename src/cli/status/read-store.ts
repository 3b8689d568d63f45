/**
 * Child of `holdfast status`: reads the store whenever it is asked, so that a file server that does
 * not answer hangs this process and not the one that has to tell of it.
 */

import { errnoOf, HoldfastError, messageOf } from '../../platform/errors.js';
import { notForThisUser } from '../../store/store-file.js';
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
    if (error instanceof HoldfastError) return refused(error);
    const errno = errnoOf(error);
    const message = messageOf(error);
    if (errno === 'EACCES' || errno === 'EPERM') {
      return refused(notForThisUser(`A file of the store may not be read (${message})`, error));
    }
    return { kind: errno === undefined ? 'defect' : 'failed', message };
  }
}

function refused({ code, message }: HoldfastError): StoreAnswer {
  return { kind: 'refused', code, message };
}
