/** A user without privileges, and programs that run as that user. */

import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'vitest';
import { LAUNCHER } from './cell.ts';

const PROJECT = join(import.meta.dirname, '..', '..');

const isProgram = (name: string): boolean => {
  try {
    execFileSync('/bin/sh', ['-c', 'command -v "$1"', 'sh', name]);
    return true;
  } catch {
    return false;
  }
};

/** Whether this machine has the programs that map subordinate ids. */
export const hasHelpers = isProgram('newuidmap') && isProgram('newgidmap');

/** A test with subordinate ids. */
export const itWithHelpers = (title: string, body: () => Promise<void>): void => {
  if (hasHelpers) it(title, body);
  else it.skip(`${title} (needs newuidmap: the package uidmap)`, body);
};

/** The first subordinate id of the user; no other test uses this range. */
export const SUBORDINATE = 1_700_000_000;

export interface UnprivilegedOptions {
  /** Lines of subuid(5) and subgid(5), with the user's name in place of `NAME`. */
  readonly subordinate?: string;
  /** Shell commands that run as root, in the user's mount namespace, before it becomes that user. */
  readonly prepare?: string;
}

/**
 * A user without any privilege, whose id nobody else on this machine has. What it needs of root's files (the project,
 * the launcher, an entry in /etc/passwd) it sees in a mount namespace of its own: the machine stays as it is.
 */
export class UnprivilegedUser {
  readonly uid = 1_600_000_000 + process.pid;
  readonly name = `unprivileged-${process.pid}`;
  readonly folder = mkdtempSync(join(tmpdir(), 'cloister-unprivileged-'));
  readonly launcher = join(this.folder, 'cell');
  readonly stateDir = join(this.folder, 'state');
  readonly #options: UnprivilegedOptions;

  constructor(options: UnprivilegedOptions = {}) {
    this.#options = options;
    chmodSync(this.folder, 0o755);
    copyFileSync(LAUNCHER, this.launcher);
    chmodSync(this.launcher, 0o755);
    mkdirSync(this.stateDir, { mode: 0o700 });
    chownSync(this.stateDir, this.uid, this.uid);
    mkdirSync(join(this.folder, 'project'));
    const entry = `${this.name}:x:${this.uid}:${this.uid}::/nonexistent:/bin/false\n`;
    writeFileSync(join(this.folder, 'passwd'), readFileSync('/etc/passwd', 'utf8') + entry);
    copyFileSync(process.execPath, join(this.folder, 'node'));
    this.setAside(options.subordinate ?? '');
  }

  /** Gives it subordinate ids, from the next program on. */
  setAside(lines: string): void {
    for (const file of ['subuid', 'subgid'])
      writeFileSync(join(this.folder, file), lines.replaceAll('NAME', this.name));
  }

  /** The command line that runs a program of this project as this user, in the same process. */
  command([program = '', ...parameters]: readonly string[]): readonly string[] {
    const files = ['passwd', 'subuid', 'subgid'].map((name) => `mount --bind "$1/${name}" /etc/${name}`);
    const lines = [
      'set -e',
      ...files,
      'mount --bind "$2" "$1/project"',
      this.#options.prepare ?? '',
      'cd "$1/project"',
      'uid=$3; shift 3',
      'exec setpriv --reuid "$uid" --regid "$uid" --clear-groups -- "$@"',
    ];
    const own = program === process.execPath ? join(this.folder, 'node') : program;
    const script = ['unshare', '--mount', 'sh', '-c', lines.join('\n'), 'sh'];
    return [...script, this.folder, PROJECT, String(this.uid), own, ...parameters];
  }

  /** Its processes, by their ids on this machine; with those of its subordinate ids. */
  processes(): readonly { readonly pid: number; readonly uid: number; readonly command: string }[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((pid) => {
        try {
          const status = readFileSync(`/proc/${pid}/status`, 'utf8');
          // A zombie that init has not reaped yet.
          if (/^State:\tZ/m.test(status)) return [];
          const uid = Number(/^Uid:\t(\d+)/m.exec(status)?.[1]);
          const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
          return [{ pid: Number(pid), uid, command }];
        } catch {
          // It has ended since the folder was read.
          return [];
        }
      })
      .filter(({ uid }) => uid === this.uid || (uid >= SUBORDINATE && uid < SUBORDINATE + 65_536));
  }

  dispose(): void {
    rmSync(this.folder, { recursive: true });
  }
}
