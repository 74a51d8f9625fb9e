/** The layers of images on disk: each in a folder of its own, stored once, read-only to cells. */

import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { promisify } from 'node:util';
import { fault, ImageFault } from '../images/fault.ts';
import type { ImageContent, SkippedEntries } from '../jobs/image.ts';
import type { Log } from '../log.ts';
import type { CellIds } from '../runtime/ids/index.ts';
import { type Found, findInLayers, type Layer, type Lookups } from '../runtime/layers.ts';
import { LAYER_FILES, statePaths } from '../state/paths.ts';

const run = promisify(execFile);

/** Where layers are kept. */
export interface LayersOptions {
  readonly ids: Pick<CellIds, 'kind' | 'enter'>;
  readonly stateDir: string;
  readonly log: Log;
}

/** What is known about a layer besides its files: written when it is complete. */
export interface LayerAbout {
  /** Bytes and number of its files. */
  readonly bytes: number;
  readonly files: number;
  /** Folders that hide those of lower layers, as paths of a cell. */
  readonly opaque: readonly string[];
  /**
   * Folders without an entry in its archive: in an image they look as those of the same path below. Left out of layers of
   * an earlier version.
   */
  readonly implicit?: readonly string[];
  /** Entries of its archive that were left out, such as devices. */
  readonly skipped: readonly string[];
}

const LOOKUPS_IN_A_TURN = 1000;
const FOLDERS_AT_ONCE = 100;
/**
 * Gives folders below `$1` the owner, the mode and the time of those that each two further arguments name: a layer, and the
 * path in both. A path with that of a layer before it may be longer than the system accepts (PATH_MAX).
 */
const LOOK_ALIKE = `to=$1
shift
while [ $# -gt 0 ]; do
  cd "$1" && look=$(stat -c '%u:%g %a %y' -- "$2") && cd "$to" || exit 1
  time=\${look#* }
  chown -- "\${look%% *}" "$2" && chmod -- "\${time%% *}" "$2" && touch -d "\${time#* }" -- "$2" || exit 1
  shift 2
done`;

/** ENAMETOOLONG, as programs print it. */
const TOO_LONG = 'File name too long';

type KnownLayer = Layer & { readonly bytes: number; readonly skipped: SkippedEntries };

/** Of the entries that were left out, those that are named. */
const MOST_NAMED = 20;

/** A layer that is complete is `layers/<id>`; names that begin with a dot are of those that are not. */
export class Layers {
  readonly #options: LayersOptions;
  readonly #folder: string;
  /** Ids of layers that images need which are not recorded yet, and how many of these there are. */
  readonly #fresh = new Set<string>();
  #users = 0;
  /** Names of folders that are being filled. */
  readonly #making = new Set<string>();
  readonly #known = new Map<string, KnownLayer>();

  constructor(options: LayersOptions) {
    this.#options = options;
    this.#folder = statePaths(options.stateDir).layers;
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
  }

  /** Whether a layer is there, complete. */
  has(id: string): boolean {
    return this.#known.has(id) || existsSync(join(this.#folder, id, LAYER_FILES.about));
  }

  /**
   * The layers of an image, from the uppermost to the lowest.
   *
   * @param ids from the lowest to the uppermost, all of which exist
   */
  of(ids: ImageContent['layers']): readonly [Layer, ...Layer[]] {
    const [top, ...lowers] = [...ids].reverse();
    return [this.#layer(top ?? ids[0]), ...lowers.map((id) => this.#layer(id))];
  }

  #layer(id: string): KnownLayer {
    const known = this.#known.get(id);
    if (known !== undefined) return known;
    const path = join(this.#folder, id);
    const about = this.about(id);
    const layer = {
      root: join(path, LAYER_FILES.tree, 'root'),
      opaque: new Set(about.opaque),
      bytes: about.bytes,
      skipped: { count: about.skipped.length, paths: about.skipped.slice(0, MOST_NAMED) },
    };
    this.#known.set(id, layer);
    return layer;
  }

  /** What was left out of the layers of an image. */
  skipped(ids: ImageContent['layers']): SkippedEntries {
    const all = ids.map((id) => this.#layer(id).skipped);
    return {
      count: all.reduce((sum, { count }) => sum + count, 0),
      paths: all.flatMap(({ paths }) => paths).slice(0, MOST_NAMED),
    };
  }

  /** What is known about an existing layer. */
  about(id: string): LayerAbout {
    return JSON.parse(readFileSync(join(this.#folder, id, LAYER_FILES.about), 'utf8')) as LayerAbout;
  }

  /**
   * Makes a layer unless it exists.
   *
   * @param make fills the folder that becomes the layer
   */
  async make(id: string, make: (folder: string) => Promise<unknown>): Promise<void> {
    this.#fresh.add(id);
    if (this.has(id)) return;
    await this.withFolder(async (folder) => {
      await make(folder);
      await rename(folder, join(this.#folder, id));
    });
  }

  /**
   * From now on until the returned function is called every layer that is made, or that was there already, stays: the
   * image that needs it is not recorded yet.
   */
  begin(): () => void {
    this.#users += 1;
    let begun = true;
    return () => {
      if (!begun) return;
      begun = false;
      this.#users -= 1;
      if (this.#users === 0) this.#fresh.clear();
    };
  }

  /** Forgets layers that were made, or found, for an image that does not need them after all. */
  forget(ids: readonly string[]): void {
    for (const id of ids) this.#fresh.delete(id);
  }

  /** What enters the namespace of the owners of files; empty where these are ids of this machine. */
  get #enter(): readonly string[] {
    const { ids } = this.#options;
    return ids.kind === 'subordinate' ? ids.enter : [];
  }

  /**
   * Removes a folder of files that belong to ids of cells. rm(1) goes down by descriptors: with what comes before it, a path
   * in the folder may be longer than the system accepts (PATH_MAX), and each of many long ones would be looked up.
   */
  async removeTree(path: string): Promise<void> {
    await inNamespace(this.#enter, ['rm', '-rf', '--', path]);
  }

  /**
   * Copies the files of a layer with their owners; those that do not change may be the same on the disk.
   *
   * @throws ImageFault when a path is too long for the system with that of a layer before it
   */
  async copy(from: string, to: string): Promise<void> {
    const enter = this.#enter;
    const copied = (flags: string): Promise<void> =>
      inNamespace(enter, ['cp', flags, '--', from, to]).catch((error: unknown) => {
        if (!String(error).includes(TOO_LONG)) throw error;
        throw fault(
          'archive',
          'shorter paths in a layer with folders that have no entry in it',
          'longer ones',
        );
      });
    // Links cannot be made to another file system.
    await copied('-al').catch(async (error: unknown) => {
      if (error instanceof ImageFault) throw error;
      await this.removeTree(to);
      await copied('-a');
    });
  }

  /** Calls `use` with a folder on the file system of the layers, of which nothing is left afterwards. */
  async withFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
    const name = `.new-${randomUUID()}`;
    const folder = join(this.#folder, name);
    this.#making.add(name);
    try {
      await mkdir(folder, { mode: 0o700 });
      return await use(folder);
    } finally {
      if (existsSync(folder)) await this.#remove(name);
      this.#making.delete(name);
    }
  }

  /**
   * The layer that has what this one has, for an image in which it lies on others: its implicit folders have owner, mode
   * and time of those that they hide. An overlay shows those of the uppermost folder, whatever is below.
   *
   * @param lowers from the lowest to the uppermost
   * @returns its id: that of the layer itself where nothing is to be changed
   */
  async above(id: string, lowers: readonly string[]): Promise<string> {
    const about = this.about(id);
    const [lowest, ...others] = lowers;
    if (lowest === undefined) return id;
    const below = this.of([lowest, ...others]);
    const hidden: { readonly path: string; readonly found: Found }[] = [];
    const lookups: Lookups = { left: Number.MAX_SAFE_INTEGER };
    let turn = lookups.left;
    for (const path of about.implicit ?? []) {
      if (turn - lookups.left > LOOKUPS_IN_A_TURN) {
        await nextTurn();
        turn = lookups.left;
      }
      const isHidden = about.opaque.some((folder) => folder === path || path.startsWith(`${folder}/`));
      const found = isHidden ? undefined : findInLayers(below, path, lookups);
      if (found?.status.isDirectory()) hidden.push({ path, found });
    }
    if (hidden.length === 0) return id;
    const looks = hidden.map(({ path, found: { status } }) =>
      [path, status.mode, status.uid, status.gid, status.mtimeMs].join(' '),
    );
    const variant = `${id}-${createHash('sha256').update(looks.join('\0')).digest('hex').slice(0, 32)}`;
    await this.make(variant, async (made) => {
      const root = join(made, LAYER_FILES.tree, 'root');
      await mkdir(join(made, LAYER_FILES.tree), { mode: 0o755 });
      await this.copy(join(this.#folder, id, LAYER_FILES.tree, 'root'), root);
      for (let at = 0; at < hidden.length; at += FOLDERS_AT_ONCE) {
        const some = hidden.slice(at, at + FOLDERS_AT_ONCE);
        const places = some.flatMap(({ path, found }) => [found.layer.root, `.${path}`]);
        await inNamespace(this.#enter, ['sh', '-c', LOOK_ALIKE, 'sh', root, ...places]);
      }
      const text = JSON.stringify({ ...about, implicit: [] } satisfies LayerAbout);
      await writeFile(join(made, LAYER_FILES.about), text, { flag: 'wx', mode: 0o600, flush: true });
    });
    return variant;
  }

  /** Bytes of the files of all layers. */
  bytes(): number {
    return this.ids().reduce((sum, id) => sum + this.#layer(id).bytes, 0);
  }

  /** The ids of all layers that are complete. */
  ids(): readonly string[] {
    return readdirSync(this.#folder).filter((name) => !name.startsWith('.') && this.has(name));
  }

  /** Removes every layer but these, and what was not completed. */
  async removeExcept(needed: ReadonlySet<string>): Promise<void> {
    for (const name of readdirSync(this.#folder)) {
      if (needed.has(name) || this.#making.has(name) || this.#fresh.has(name)) continue;
      this.#known.delete(name);
      await this.#remove(name);
    }
  }

  async #remove(name: string): Promise<void> {
    const path = join(this.#folder, name);
    const aside = join(this.#folder, `.removed-${name.replace(/^\.(?:removed-)?/, '')}`);
    const { log } = this.#options;
    try {
      // A half-removed folder must not be mistaken for a layer.
      if (path !== aside) await rename(path, aside);
      await this.removeTree(aside);
    } catch (error) {
      log(`layer ${name}, which no image needs, could not be removed: ${String(error)}`);
    }
  }
}

/** Runs a program where the files of layers belong to ids that it may act for. */
const inNamespace = async (enter: readonly string[], command: readonly string[]): Promise<void> => {
  // What enters a namespace executes absolute paths only.
  const found = enter.length === 0 ? command : ['/usr/bin/env', ...command];
  const [program = '', ...parameters] = [...enter, ...found];
  // What it says is looked at.
  await run(program, parameters, { env: { ...process.env, LC_ALL: 'C' } });
};
