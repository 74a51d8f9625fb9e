/** The keys of a state folder that links are signed with: they outlive the server, and are replaced every day. */

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hasErrno } from '../errno.ts';
import type { Log } from '../log.ts';
import { statePaths } from './paths.ts';
import { replaceFile } from './whole-file.ts';

const HOUR_MS = 3_600_000;
/** How long links are signed with one key. */
const SIGNS_MS = 24 * HOUR_MS;
/** How long a key is accepted: an hour after it last signed a link, which is longer than any link is valid. */
const ACCEPTED_MS = SIGNS_MS + HOUR_MS;
/** Milliseconds between two checks whether the key has to be replaced. */
const LOOK_MS = 60_000;
const KEY_BYTES = 32;

interface Key {
  readonly madeMs: number;
  readonly bytes: Buffer;
}

/** What keys of links need besides the state folder. */
export interface LinkKeysOptions {
  readonly log: Log;
  /** Milliseconds since 1970. Default: the wall clock. */
  readonly now?: () => number;
}

/**
 * The keys of links, in a file that only its owner can read. A new one takes over after a day; the one before it is
 * accepted for another hour, so that links stay valid as long as they say.
 */
export class LinkKeys implements Disposable {
  readonly #path: string;
  readonly #aside: string;
  readonly #now: () => number;
  #keys: readonly Key[];
  readonly #timer: NodeJS.Timeout;

  private constructor(stateDir: string, keys: readonly Key[], { log, now = Date.now }: LinkKeysOptions) {
    ({ linkKeys: this.#path, newLinkKeys: this.#aside } = statePaths(stateDir));
    this.#keys = keys;
    this.#now = now;
    this.#timer = setInterval(
      // The old key is used until a new one can be written.
      () =>
        void this.renew().catch((error: unknown) =>
          log(`replacing the key of links: ${error}`, { level: 'error' }),
        ),
      LOOK_MS,
    ).unref();
  }

  /**
   * Reads the keys of a state folder, or makes the first one.
   *
   * @throws Error if the file has any other content, and the errors of reading and writing it
   */
  static async open(stateDir: string, options: LinkKeysOptions): Promise<LinkKeys> {
    const keys = new LinkKeys(stateDir, read(statePaths(stateDir).linkKeys), options);
    await keys.renew();
    return keys;
  }

  /**
   * The key that links are signed with.
   *
   * @throws Error if there is none, which `open` rules out
   */
  get current(): Buffer {
    const [key] = this.#keys;
    if (key === undefined) throw new Error('there is no key of links');
    return key.bytes;
  }

  /** The keys that may have signed links which are still valid: the current one first. */
  get accepted(): readonly Buffer[] {
    return this.#keys.filter((key) => this.#isAccepted(key)).map(({ bytes }) => bytes);
  }

  /**
   * Makes a new key if the current one was used for long enough; it is on disk before anything is signed with it.
   *
   * @throws the error of the system call if the key cannot be written
   */
  async renew(): Promise<void> {
    const [current] = this.#keys;
    if (current !== undefined && this.#ageMs(current) < SIGNS_MS) return;
    const key = { madeMs: this.#now(), bytes: randomBytes(KEY_BYTES) };
    const next = [key, ...this.#keys.filter((each) => this.#isAccepted(each))];
    const lines = next.map(({ madeMs, bytes }) => `${madeMs} ${bytes.toString('base64url')}\n`);
    await replaceFile(this.#path, this.#aside, lines.join(''));
    this.#keys = next;
  }

  /** Stops replacing keys. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #isAccepted(key: Key): boolean {
    return this.#ageMs(key) < ACCEPTED_MS;
  }

  /** A key from the future counts as infinitely old: the clock was set back, and its true age is unknown. */
  #ageMs({ madeMs }: Key): number {
    const ageMs = this.#now() - madeMs;
    return ageMs < 0 ? Number.POSITIVE_INFINITY : ageMs;
  }
}

const read = (path: string): readonly Key[] => {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return [];
    throw error;
  }
  return text
    .trimEnd()
    .split('\n')
    .map((line) => {
      const [, madeMs, key] = /^(\d{1,15}) ([\w-]{43})$/.exec(line) ?? [];
      if (madeMs === undefined || key === undefined)
        throw new Error(
          `${path}: expected lines of a time and a key; remove the file, and links that were made before end`,
        );
      return { madeMs: Number(madeMs), bytes: Buffer.from(key, 'base64url') };
    });
};
