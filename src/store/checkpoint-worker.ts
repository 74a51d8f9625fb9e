/** Copies the write-ahead log into the database when it is asked to, in a thread of its own: see `checkpoints.ts`. */

import { parentPort, workerData } from 'node:worker_threads';
import Database from 'better-sqlite3';

const db = new Database(String(workerData), { fileMustExist: true, timeout: 0 });
db.pragma('synchronous = NORMAL');

/** @returns what went wrong, or `null` */
const checkpoint = (): string | null => {
  try {
    db.pragma('wal_checkpoint(PASSIVE)');
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
};

parentPort?.on('message', (more: boolean) => {
  if (more) parentPort?.postMessage(checkpoint());
  else {
    db.close();
    parentPort?.close();
  }
});
