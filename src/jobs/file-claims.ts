/** Keeps the contents of the files of a job while the job is checked and stored. */

import type { FileContent } from './file.ts';
import type { ClaimedFile, JobFiles } from './uploads.ts';

/** The contents that one submission needs: released when it is over, since the stored job keeps them from then on. */
export class FileClaims implements Disposable {
  readonly #files: JobFiles | undefined;
  readonly #claimed: ClaimedFile[] = [];
  readonly #found = new Map<string, FileContent>();

  /** @param files `undefined`: there are none here */
  constructor(files: JobFiles | undefined) {
    this.#files = files;
  }

  /** Claims contents that a subject has uploaded. */
  async add(owner: string, ids: readonly string[]): Promise<void> {
    for (const id of new Set(ids)) {
      const claimed = await this.#files?.claim(owner, id);
      if (claimed === undefined) continue;
      this.#claimed.push(claimed);
      this.#found.set(id, claimed.content);
    }
  }

  /** What was claimed under an id. */
  find(id: string): FileContent | undefined {
    return this.#found.get(id);
  }

  /**
   * Keeps a content that came with the job.
   *
   * @throws StoreFullError
   */
  async keep(owner: string, content: Uint8Array): Promise<void> {
    if (this.#files === undefined) throw new Error('there is no store of files here');
    this.#claimed.push(await this.#files.keep(owner, content));
  }

  [Symbol.dispose](): void {
    for (const claimed of this.#claimed) claimed.release();
  }
}
