/** Shows the progress of an upload on a terminal. */

import { size } from './format.ts';
import { inert } from './inert.ts';
import { styled } from './style.ts';

/** Milliseconds between two updates: a person cannot read faster. */
const LINE_MS = 100;
const BACK = '\r';
const ERASE = '\u001b[K';

/**
 * Shows one dim line on standard error that says how far an upload is, and erases it when it is disposed of. Where standard
 * error is no terminal, it shows nothing.
 */
export class TransferProgress implements Disposable {
  readonly #what: string;
  readonly #totalBytes: number | undefined;
  #shownMs = Number.NEGATIVE_INFINITY;

  /**
   * @param the thing that is sent, such as the name of a file
   * @param totalBytes its size, where that is known
   */
  constructor(what: string, totalBytes?: number) {
    this.#what = inert(what);
    this.#totalBytes = totalBytes;
  }

  /** Called with the number of bytes that were sent so far. */
  readonly update = (bytes: number): void => {
    const nowMs = performance.now();
    if (!process.stderr.isTTY || nowMs - this.#shownMs < LINE_MS) return;
    this.#shownMs = nowMs;
    const total = this.#totalBytes === undefined ? '' : ` of ${size(this.#totalBytes)}`;
    const line = `uploading ${this.#what}: ${size(bytes)}${total}`;
    process.stderr.write(`${BACK}${styled('dim', line, process.stderr)}${ERASE}`);
  };

  [Symbol.dispose](): void {
    if (this.#shownMs > Number.NEGATIVE_INFINITY) process.stderr.write(`${BACK}${ERASE}`);
  }
}
