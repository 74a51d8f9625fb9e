/** Reports to the caller that the disk is full. */

import { storageFull } from './errors.ts';
import { StoreFullError } from './store.ts';

/**
 * Waits for a write to the store.
 *
 * @throws ClientError `STORAGE_FULL` when there is no room for it, and whatever else the write throws
 */
export const stored = async <T>(write: Promise<T>): Promise<T> => {
  try {
    return await write;
  } catch (error) {
    throw error instanceof StoreFullError ? storageFull() : error;
  }
};
