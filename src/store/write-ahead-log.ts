/** The write-ahead log of a database, which is synced off the event loop. */

import { close, closeSync, fdatasync, fdatasyncSync, openSync } from 'node:fs';
import { promisify } from 'node:util';
import type { Connection } from './connection.ts';
import { expectPragma } from './database.ts';

const syncData = promisify(fdatasync);
const closeFile = promisify(close);

/**
 * Syncs what a connection commits. SQLite does that itself with `synchronous = FULL`, and the whole server waits for the
 * disk meanwhile; with `NORMAL` it syncs only what keeps the database whole (the header of a log that begins again, and both
 * files around a checkpoint), and `sync` syncs the rest, in a thread.
 *
 * The file is the same one for as long as the connection is open (sqlite.org/walformat.html section 1.2). SQLite takes its
 * locks on the database and on the index of the log, never on the log itself (`unixOpen`: all but a main database have
 * UNIXFILE_NOLOCK), so that closing a descriptor of it here gives up none of them.
 */
export class WriteAheadLog {
  readonly #file: number;

  /**
   * Takes over from SQLite to sync what `db` commits. What an earlier server committed, and may have died before it was
   * synced, is on disk when this returns: it is copied into the database, since a sync that has failed once can succeed
   * later although nothing was written (fsync(2), "errors").
   *
   * @param path of the database
   * @throws Error of the disk
   */
  constructor(db: Connection, path: string) {
    db.pragma('wal_checkpoint(TRUNCATE)');
    db.pragma('synchronous = NORMAL');
    expectPragma(db, 'synchronous', 1);
    this.#file = openSync(`${path}-wal`, 'r');
    try {
      // Syncs what the checkpoint could not copy because a reader still uses an older state.
      fdatasyncSync(this.#file);
    } catch (error) {
      closeSync(this.#file);
      throw error;
    }
  }

  /**
   * Settles when everything that is committed now is on disk.
   *
   * @throws Error of the disk: what is on it is unknown then, also after another call that succeeds
   */
  sync(): Promise<void> {
    return syncData(this.#file);
  }

  /** Closes the file; to be called while no sync runs. */
  close(): Promise<void> {
    return closeFile(this.#file);
  }
}
