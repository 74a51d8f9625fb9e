/** The folder of a certificate authority: its key, its list of revoked certificates, and what it has made. */

import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { hasErrno } from '../errno.ts';
import { Authority, type Issued, revokedIn, serialNumberOf, validFor } from './authority.ts';

/** What is made, and where it is written. */
export interface Made {
  readonly certificate: string;
  /** Only its owner can read it. */
  readonly key: string;
}

/** How a certificate is made. */
export interface MakeOptions {
  /** How long it is valid. */
  readonly days: number;
  /** Replace the files of an earlier one. */
  readonly replace: boolean;
}

/** The files of a certificate authority in a folder. Every method throws an `Error` for a person when it cannot. */
export class AuthorityFolder {
  readonly #folder: string;

  /** @param folder its path, as it is to be printed */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The certificate and the key of the authority itself. */
  get authority(): Made {
    return this.#paths('ca');
  }

  /** The list of revoked certificates. */
  get revocations(): string {
    return join(this.#folder, 'crl.pem');
  }

  /**
   * Makes the authority, with an empty list of revoked certificates.
   *
   * @throws Error for files that exist, unless `replace` is set
   */
  async init(name: string, { days, replace }: MakeOptions): Promise<Made> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const made = await Authority.create(name, validFor(days));
    await this.#write('ca', made, replace);
    const authority = await Authority.load(made);
    await write(this.revocations, await authority.revocations([]), 0o644, true);
    return this.authority;
  }

  /**
   * @param names host names and IP addresses; the first names the files
   * @throws Error for a bad name, and for files that exist unless `replace` is set
   */
  async server(names: readonly [string, ...string[]], { days, replace }: MakeOptions): Promise<Made> {
    for (const name of names)
      if (!SERVER_NAME.test(name)) throw expectedName('a host name or an IP address', name);
    const authority = await this.#open();
    const file = names[0].replace('*', '_');
    await this.#write(file, await authority.server(names, validFor(days)), replace);
    return this.#paths(file);
  }

  /**
   * @param subject whom it is for; names the files
   * @throws Error for a bad subject, and for files that exist unless `replace` is set
   */
  async client(subject: string, role: string, { days, replace }: MakeOptions): Promise<Made> {
    if (!SUBJECT.test(subject) || RESERVED.includes(subject))
      throw expectedName('a name of letters, digits and . _ @ + -, at most 64', subject);
    const authority = await this.#open();
    await this.#write(subject, await authority.client({ subject, role }, validFor(days)), replace);
    return this.#paths(subject);
  }

  /**
   * Adds a certificate to the list of revoked ones. One that is in it stays as it is.
   *
   * @param certificate the file that holds it, or the name that it was made for
   * @returns its serial number
   * @throws Error when there is neither
   */
  async revoke(certificate: string): Promise<string> {
    const authority = await this.#open();
    const text = await this.#find(certificate);
    const serialNumber = serialNumberOf(text);
    const revoked = revokedIn(await read(this.revocations));
    if (revoked.some((other) => other.serialNumber === serialNumber)) return serialNumber;
    const list = await authority.revocations([...revoked, { serialNumber, at: new Date() }]);
    await write(this.revocations, list, 0o644, true);
    return serialNumber;
  }

  async #find(certificate: string): Promise<string> {
    const paths = [...(SUBJECT.test(certificate) ? [this.#paths(certificate).certificate] : []), certificate];
    for (const path of paths) {
      try {
        return await read(path);
      } catch (error) {
        if (!hasErrno(error, 'ENOENT')) throw error;
      }
    }
    throw expectedName(`the subject of a certificate in ${this.#folder}, or the file of one`, certificate);
  }

  async #open(): Promise<Authority> {
    const { certificate, key } = this.authority;
    try {
      return await Authority.load({ certificate: await read(certificate), key: await read(key) });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw new Error(
        `no certificate authority in ${this.#folder}: ${message}. "cloister certs init" makes one`,
      );
    }
  }

  #paths(name: string): Made {
    return { certificate: join(this.#folder, `${name}.pem`), key: join(this.#folder, `${name}.key`) };
  }

  async #write(name: string, { certificate, key }: Issued, replace: boolean): Promise<void> {
    const paths = this.#paths(name);
    await write(paths.key, key, 0o600, replace);
    await write(paths.certificate, certificate, 0o644, replace);
  }
}

/** Names of its own files. */
const RESERVED = ['ca', 'crl'];
const SUBJECT = /^[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}$/;
const SERVER_NAME = /^(\*\.)?[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$|^[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*$/;

const expectedName = (expected: string, got: string): Error =>
  new Error(`name: expected ${expected}, got ${JSON.stringify(got)}`);

const read = (path: string): Promise<string> => readFile(path, 'utf8');

/** Readers find the old file or the new one, whole. */
const write = async (path: string, text: string, mode: number, replace: boolean): Promise<void> => {
  const aside = replace ? `${path}.new` : path;
  if (replace) await rm(aside, { force: true });
  const file = await open(aside, 'wx', mode).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'EEXIST' ? new Error(`${path} exists already; --replace writes another`) : error;
  });
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  if (replace) await rename(aside, path);
};
