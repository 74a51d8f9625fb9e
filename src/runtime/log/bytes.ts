/** The bytes of a log, whether its file is compressed or not. */

/** The bytes of a log, however its file stores them. */
export interface LogBytes {
  /** How many there were when the log was opened. */
  readonly sizeBytes: number;
  /**
   * Reads into `target` from `start` on.
   *
   * @param at of the log
   * @returns how many bytes were read; 0 at the end
   */
  read(target: Buffer, start: number, length: number, at: number): Promise<number>;
  /**
   * Where bytes that are known to be damaged end, if some of these are. What `read` gives for them is no header of a
   * frame. Left out where bytes have no checksum.
   */
  damageEnd?(at: number, length: number): Promise<number | undefined>;
  /** Closes the file. */
  close(): Promise<void>;
}
