/** What an image is prepared with. */

import type { Progress } from './progress.ts';
import type { Owners } from './tree.ts';

/** Which image is to be there, where, and for which ids. */
export interface EnsureImageOptions {
  /** A name of `images.json`. */
  readonly name: string;
  /** Created if it does not exist. The tree becomes `<imagesDir>/<name>`. */
  readonly imagesDir: string;
  /** `CLOISTER_IMAGE_MIRROR`: a URL or a path, of a folder that holds the archives or of the archive. */
  readonly mirror?: string | undefined;
  /** Who will own the files. */
  readonly owners: Owners;
  /** The same as the host sees them. Default: `owners`, as for a process without its own user namespace. */
  readonly hostOwners?: Owners;
  /**
   * Program and arguments that run another program where it may give files to `owners`, which are `ownersInside`
   * there. Default: this process may.
   */
  readonly enter?: readonly string[];
  readonly ownersInside?: Owners;
  /** Receives lines for a person about what happens. Not called if there is nothing to do. */
  readonly log: (line: string) => void;
  /** Trees replaced before then (milliseconds since 1970) are removed: no job runs on one. Default: none are. */
  readonly unusedBeforeMs?: number;
  /** Receives how far a download is. Default: lines to `log`. */
  readonly progress?: Progress;
  /** Milliseconds until a source begins its response. Default 10 seconds. */
  readonly answerTimeoutMs?: number;
  readonly signal?: AbortSignal;
}
