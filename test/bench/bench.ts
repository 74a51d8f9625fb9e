/** What the figures of one run share: servers, the image, programs of others. */

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testImage } from '../support/image.ts';
import { BenchServer } from './server.ts';

/** Folders in memory and on a disk: what is synced costs nothing in one, and what the machine's disk takes in the other. */
export const PLACES = { memory: '/dev/shm', disk: tmpdir() } as const;
export type Place = keyof typeof PLACES;

/** Programs that do the same as a cell, and how each says its version. */
const PEERS = {
  bwrap: ['--version'],
  runc: ['--version'],
  nsjail: ['--help'],
  'go-judge': ['-version'],
} as const;
export type Peer = keyof typeof PEERS;

/** Where `make bench-peers` installs GraphQL servers of others. */
export const QUERY_PEERS = join(import.meta.dirname, '..', '..', '.cache', 'bench-peers');

/** One run of the benchmark. */
export class Bench {
  readonly image: string;
  readonly folder = mkdtempSync(join(tmpdir(), 'cloister-bench-files-'));
  readonly #servers = new Map<Place, BenchServer>();
  #floor: string | undefined;

  private constructor(image: string) {
    this.image = image;
  }

  static async open(): Promise<Bench> {
    return new Bench(await testImage());
  }

  /** A server that all figures share. */
  async server(place: Place): Promise<BenchServer> {
    const known = this.#servers.get(place);
    if (known !== undefined) return known;
    const server = await BenchServer.start(PLACES[place]);
    this.#servers.set(place, server);
    return server;
  }

  /** The path of a program of others; `undefined` where it is not installed. */
  peer(name: Peer): string | undefined {
    const found = spawnSync('sh', ['-c', `PATH="$PATH:/usr/sbin:/sbin" command -v ${name}`], {
      encoding: 'utf8',
    });
    return found.stdout.trim() || undefined;
  }

  /** The first line of what a program says of its version; `undefined` where it is not installed. */
  version(name: Peer): string | undefined {
    const path = this.peer(name);
    if (path === undefined) return undefined;
    const { stdout, stderr } = spawnSync(path, [...PEERS[name]], { encoding: 'utf8' });
    return (stdout || stderr).split('\n')[0];
  }

  /** The version of mercurius, or `undefined`. */
  get mercurius(): string | undefined {
    const path = join(QUERY_PEERS, 'node_modules', 'mercurius', 'package.json');
    return existsSync(path)
      ? (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version
      : undefined;
  }

  get peers(): readonly Peer[] {
    return Object.keys(PEERS) as Peer[];
  }

  /** The program of `floor.c`. */
  get floor(): string {
    if (this.#floor !== undefined) return this.#floor;
    const build = join(import.meta.dirname, '..', '..', 'build');
    mkdirSync(build, { recursive: true });
    const path = join(build, 'bench-floor');
    const source = join(import.meta.dirname, 'floor.c');
    execFileSync('cc', ['-std=gnu17', '-O2', '-Wall', '-Wextra', '-Werror', '-static', '-o', path, source]);
    if (!existsSync(path)) throw new Error(`${path} was not compiled`);
    this.#floor = path;
    return path;
  }

  async close(): Promise<void> {
    for (const server of this.#servers.values()) await server.close();
    rmSync(this.folder, { recursive: true });
  }
}
