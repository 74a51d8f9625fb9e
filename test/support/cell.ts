/** Runs the launcher without a server. */

import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { type JobPlan, planLaunch } from '../../src/cells/launch.ts';
import { NO_DEFAULTS } from '../../src/jobs/image.ts';
import type { JobIds } from '../../src/runtime/ids/index.ts';
import { ImageFiles } from '../../src/runtime/image-files.ts';
import { Control } from '../../src/runtime/protocol/control.ts';
import { type ExitRecord, parseExitRecord } from '../../src/runtime/protocol/exit-record.ts';
import { encodePlan, type LaunchPlan } from '../../src/runtime/protocol/plan.ts';
import { Spawner } from '../../src/runtime/protocol/spawner.ts';
import { cellFilter } from '../../src/runtime/seccomp/index.ts';
import { makeJob, spec } from '../store/fixture.ts';
import { cgroup2Mount } from './cgroup2.ts';
import { ID_BASE, testImage } from './image.ts';

export const LAUNCHER = join(import.meta.dirname, '..', '..', 'build', 'cell');

const FILTER = cellFilter();
const PAUSE_MS = 2;
// That of the server, which its supervisors inherit.
const UMASK = 0o077;

const RANGE = [{ inside: 0, outside: ID_BASE, count: 65_536 }];
const IDS: JobIds = { uids: RANGE, gids: RANGE, owners: null, count: 65_536, groups: true, overlay: '' };
const LIMITS = {
  ...spec.limits,
  pids: 256,
  diskBytes: 64 << 20,
  timeoutMs: 60_000,
  outputBytes: 64 << 20,
};

export type Argv = readonly [string, ...string[]];

export interface Frame {
  readonly stream: number;
  readonly flags: number;
  readonly time: bigint;
  readonly bytes: Buffer;
}

export interface Finished {
  readonly record: ExitRecord;
  readonly frames: readonly Frame[];
  readonly stdout: string;
  readonly stderr: string;
}

/** A running job without a server: the launcher and its files on disk. */
export interface StartedCell {
  readonly id: string;
  readonly folder: string;
  readonly cgroup: string;
  readonly control: Control;
  /** Settles when the command has been executed; never when it could not be. */
  readonly running: Promise<void>;
  /** Settles when it is first paused, and when it is first resumed. */
  readonly paused: Promise<void>;
  readonly resumed: Promise<void>;
  readonly finished: Promise<Finished>;
}

/** The launcher's surroundings as a server makes them: a state folder, a cgroup and a spawner, and its umask. */
export class CellBench {
  readonly state = mkdtempSync(join(tmpdir(), 'cloister-cell-'));
  readonly cgroups: string;
  readonly spawner: Spawner;
  readonly #umask = process.umask(UMASK);
  #next = 0;

  /** @param launcherIn gives the path of the launcher, which may lie in the state folder */
  constructor(launcherIn: (state: string) => string = () => LAUNCHER) {
    for (const folder of ['jobs', 'exits']) mkdirSync(join(this.state, folder));
    this.cgroups = join(cgroup2Mount(), `cloister-test-${process.pid}-${this.state.slice(-6)}`);
    mkdirSync(this.cgroups);
    chmodSync(this.cgroups, 0o755);
    this.spawner = new Spawner({
      launcher: launcherIn(this.state),
      jobs: join(this.state, 'jobs'),
      cgroup: '',
    });
  }

  /** Plans a command of the given arguments, and starts it. */
  async start(argv: Argv, change: Partial<LaunchPlan> = {}, stdin?: Buffer): Promise<StartedCell> {
    const id = await this.prepare(argv, change, stdin);
    await this.spawner.start(id);
    return this.follow(id);
  }

  /** Plans a command of the given arguments, which a spawner can start by the id that is returned. */
  async prepare(argv: Argv, change: Partial<LaunchPlan> = {}, stdin?: Buffer): Promise<string> {
    return (await this.plan(argv, change, stdin)).id;
  }

  /** The same, with the plan. */
  async plan(
    argv: Argv,
    change: Partial<LaunchPlan> = {},
    stdin?: Buffer,
  ): Promise<{ readonly id: string; readonly plan: JobPlan }> {
    const id = `job-${++this.#next}`;
    const folder = join(this.state, 'jobs', id);
    const plan: JobPlan = {
      ...planLaunch(makeJob({ command: { kind: 'argv', argv }, hostname: 'cell', limits: LIMITS }, { id }), {
        files: null,
        image: { files: new ImageFiles(await testImage(), IDS.count), defaults: NO_DEFAULTS },
        cgroup: { path: join(this.cgroups, id), settings: [], collect: ['cpu.stat'] },
        ids: IDS,
        clocks: false,
        devices: true,
        seccomp: FILTER,
      }),
      stdin: stdin !== undefined,
      openStdin: false,
      join: null,
      terminal: null,
      ...change,
    };
    mkdirSync(folder);
    writeFileSync(join(folder, 'plan'), encodePlan(plan));
    if (stdin !== undefined) writeFileSync(join(folder, 'stdin'), stdin);
    return { id, plan };
  }

  /** Connects to the supervisor of a job that was started. */
  follow(id: string): StartedCell {
    const folder = join(this.state, 'jobs', id);
    const ended = Promise.withResolvers<void>();
    const running = Promise.withResolvers<void>();
    const paused = Promise.withResolvers<void>();
    const resumed = Promise.withResolvers<void>();
    const control = new Control(folder, {
      running: (_startedAt, pausedAt) => {
        running.resolve();
        if (pausedAt !== null) paused.resolve();
      },
      paused: () => paused.resolve(),
      resumed: () => resumed.resolve(),
      ended: () => ended.resolve(),
    });
    return {
      id,
      folder,
      cgroup: join(this.cgroups, id),
      control,
      running: running.promise,
      paused: paused.promise,
      resumed: resumed.promise,
      finished: ended.promise.then(() => this.#recorded(id)).then(() => this.#collect(id)),
    };
  }

  async run(argv: Argv, change: Partial<LaunchPlan> = {}, stdin?: Buffer): Promise<Finished> {
    return (await this.start(argv, change, stdin)).finished;
  }

  /** Runs a line of the cell's shell. */
  sh(line: string, change: Partial<LaunchPlan> = {}): Promise<Finished> {
    return this.run(['/bin/sh', '-c', line], change);
  }

  /** A supervisor that is finishing accepts no connections: a refusal does not mean that there is a record. */
  async #recorded(id: string): Promise<void> {
    const path = join(this.state, 'exits', id);
    while (!existsSync(path) && (await this.spawner.probe(id))) await pause(PAUSE_MS);
  }

  #collect(id: string): Finished {
    const record = parseExitRecord(readFileSync(join(this.state, 'exits', id)));
    const frames = readFrames(readFileSync(join(this.state, 'jobs', id, 'log')));
    const text = (stream: number): string =>
      Buffer.concat(frames.filter((frame) => frame.stream === stream).map((frame) => frame.bytes)).toString();
    return { record, frames, stdout: text(1), stderr: text(2) };
  }

  /** Fails when a cgroup is left. */
  async close(): Promise<void> {
    process.umask(this.#umask);
    await this.spawner.close();
    rmdirSync(this.cgroups);
    rmSync(this.state, { recursive: true });
  }
}

const HEADER = 20;
const CHECKED = 128;

/** The frames of a log, parsed as `launcher/log.h` describes them, independently of the server's own reader. */
export const readFrames = (log: Buffer): Frame[] => {
  const frames: Frame[] = [];
  for (let at = 0; at < log.length; ) {
    const length = log.readUInt32LE(at);
    const flags = log.readUInt8(at + 5);
    const bytes = log.subarray(at + HEADER, at + HEADER + length);
    if ((flags & CHECKED) === 0 || log.readUInt32LE(at + 16) !== crc32(bytes))
      throw new Error(`the frame at ${at} has not the checksum of its ${length} bytes`);
    frames.push({
      stream: log.readUInt8(at + 4),
      flags: flags & ~CHECKED,
      time: log.readBigUInt64LE(at + 8),
      bytes,
    });
    at += HEADER + length;
  }
  return frames;
};
