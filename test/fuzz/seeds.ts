/**
 * Writes what the fuzzers of the launcher begin with: `plan/`, launch plans of real jobs and random ones, all as
 * `encodePlan` writes them; `control/`, conversations with a supervisor; `input/`, writes to the
 * standard input of a command; `tar/`, archives; `checksum/`, bytes.
 *
 *     node test/fuzz/seeds.ts FOLDER SEED COUNT
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { argv } from 'node:process';
import { planLaunch } from '../../src/cells/launch.ts';
import { NO_DEFAULTS } from '../../src/jobs/image.ts';
import { ImageFiles } from '../../src/runtime/image-files.ts';
import { encodePlan, type LaunchPlan, type Step } from '../../src/runtime/protocol/plan.ts';
import { makeJob } from '../store/fixture.ts';
import { tar } from '../support/archives.ts';
import { ID_BASE, testImage } from '../support/image.ts';
import { pick, type Random, randomFrom, some } from '../support/random.ts';

const realPlans = async (): Promise<LaunchPlan[]> => {
  const range = [{ inside: 0, outside: ID_BASE, count: 65_536 }];
  const context = {
    files: null,
    image: { files: new ImageFiles(await testImage(), 65_536), defaults: NO_DEFAULTS },
    cgroup: {
      path: '/sys/fs/cgroup/cloister/jobs/one',
      settings: [
        { file: 'memory.max', value: '536870912', optional: false },
        { file: 'memory.oom.group', value: '1', optional: true },
      ],
      collect: ['cpu.stat', 'memory.events'],
    },
    ids: { uids: range, gids: range, count: 65_536, owners: null, groups: true, overlay: 'userxattr' },
    // Shorter than a real one, which is as long as the longest input that the fuzzer makes: an instruction, "allow".
    clocks: true,
    devices: true,
    seccomp: '060000000000ff7f',
  };
  return [
    makeJob(),
    makeJob({ command: { kind: 'argv', argv: ['/bin/echo', '', 'ä €'] }, stdinBytes: 1, user: 'nobody' }),
    makeJob({ env: [{ name: 'A', value: 'b=c' }], workdir: '/tmp', hostname: 'one', user: '1000:1000' }),
  ].map((job) => planLaunch(job, context));
};

const CHARACTERS = ['a', 'Z', '0', '9', '/', '.', '=', ' ', '\n', '%', '\u007f', 'ä', '€', '😀'] as const;
const NUMBERS = [0, 1, 9, 10, 4095, 65_536, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 2] as const;

/** Any plan that the reader has to take. */
const randomPlan = (random: Random): LaunchPlan => {
  const text = (): string => some(random, 12, () => pick(random, CHARACTERS)).join('');
  const path = (): string => `/${text()}`;
  const file = (): string => `f${text().replaceAll('/', '')}`;
  const number = (): number => pick(random, NUMBERS);
  const many = <T>(make: () => T): T[] => some(random, 6, make);
  const flag = (): boolean => random(2) === 0;
  const range = () => ({ inside: number(), outside: number(), count: 1 + random(1000) });
  const mode = (): number => random(0o10000);
  const step = (): Step =>
    pick<() => Step>(random, [
      () => ({ kind: 'mount', type: text(), path: path(), attributes: number(), options: text() }),
      () => ({ kind: 'bind', source: path(), path: path(), attributes: number() }),
      () => ({
        kind: 'device',
        path: path(),
        mode: mode(),
        major: number(),
        minor: number(),
        attributes: number(),
      }),
      () => ({ kind: 'mkdir', path: path(), mode: mode() }),
      () => ({ kind: 'file', path: path(), mode: mode(), text: text() }),
      () => ({ kind: 'symlink', target: text(), path: path() }),
      () => ({ kind: 'write', path: path(), text: text() }),
      () => ({ kind: 'mask', path: `/proc${path()}`, folder: flag() }),
      () => ({ kind: 'seal', path: path(), attributes: number() }),
      () => ({ kind: 'rebind', path: path(), attributes: number() }),
      () => ({ kind: 'given', name: file(), path: path(), attributes: number() }),
    ])();
  const limit = () => {
    const soft = number();
    return { resource: random(16), soft, hard: soft + number() };
  };
  const program = (): string =>
    Buffer.from(Array.from({ length: 8 * (1 + random(20)) }, () => random(256))).toString('hex');
  const cgroup = () => ({
    path: path(),
    settings: many(() => ({ file: file(), value: text(), optional: flag() })),
    collect: many(file),
  });
  const terminal = flag() ? null : { rows: 1 + random(65_535), columns: 1 + random(65_535) };
  const artifacts = () => ({
    each: many(() => ({ path: path(), pattern: text() })),
    mostBytes: number(),
    mostEntries: number(),
    timeMs: number(),
    spareBytes: number(),
  });
  const own = random(4) === 0 ? null : cgroup();
  return {
    cgroup: own,
    uids: [range(), ...many(range)],
    gids: [range(), ...many(range)],
    files: flag() ? null : { folder: path(), owner: { uid: number(), gid: number() } },
    root: {
      image: path(),
      lowers: many(path),
      owners: flag() ? null : { uid: number(), gid: number() },
      layerOptions: text(),
      overlayOptions: text(),
    },
    steps: many(step),
    hostname: file(),
    clocks: flag() ? number() % 3_155_760_001 : null,
    argv: [text(), ...many(text)],
    env: many(() => ({ name: file().replaceAll('=', ''), value: text() })),
    workdir: path(),
    user: { uid: number(), gid: number(), groups: many(number) },
    capabilities: BigInt(number()),
    oomScore: random(1001),
    keepGroups: flag(),
    resourceLimits: many(limit),
    seccomp: flag() ? null : program(),
    umask: mode(),
    keepRoot: flag(),
    idle: flag(),
    artifacts: flag() ? null : artifacts(),
    stdin: terminal === null && flag(),
    openStdin: flag(),
    join: random(4) === 0 ? file() : null,
    terminal,
    stop: { signal: `${1 + random(64)}`, scope: pick(random, ['COMMAND', 'GROUP', 'CELL'] as const) },
    timeoutMs: number(),
    cpuTimeMs: own === null || flag() ? null : 1 + number(),
    outputBytes: 1 + number(),
    outputPolicy: flag() ? 'KILL' : 'TRUNCATE',
  };
};

/** Archives with what each kind of entry and header is for. */
const ARCHIVES = [
  tar([
    { path: 'a/', type: '5' },
    { path: 'a/b', content: 'content' },
    { path: 'c', type: '2', link: 'a/b' },
  ]),
  tar([
    { path: `${'long/'.repeat(30)}name`, content: 'x'.repeat(600) },
    { path: 'h', type: '1', link: 'l'.repeat(120) },
  ]),
  tar([
    { path: 'l', type: 'L', content: 'longer\0' },
    { path: 'short', type: '6' },
    { path: 'd', type: '3' },
  ]),
  tar([{ path: 'x', type: 'x', content: '9 uid=77\n12 size=1234\n' }, { path: '.wh.gone' }]),
];

/** As long as what a step of each way to compute takes, and one less or more. */
const BYTES = [1, 8, 9, 63, 64, 65, 128, 400].map((length) => Buffer.alloc(length, 'bytes'));

/** The first byte says in which pieces the harness sends the rest. */
const CONVERSATIONS = [
  '\x03stop 10000\n',
  '\x04join\npause\n',
  '\x01resize 24 80\nresize 0 80\n',
  '\x02write 0 12 0\nstop 5\npause\nwrite 12 0 1\nresume\n',
  '\x05pause\nresume\nsignal 1\n',
  '\x09signal 15\nstop 0\nnonsense\n',
  '\x00signal 9\n',
  '\xffstop 5',
];

/** As the harness reads them: what the input is, then an action, a length and a place each. */
const WRITES = [
  [0, 3, 20, 0, 1, 255, 0, 3, 40, 20, 0x63, 10, 0],
  [1, 3, 255, 0, 3, 255, 0, 3, 255, 0, 1, 90, 0, 0x63, 30, 0],
  [2, 0x63, 10, 0, 0, 0, 0, 0x63, 10, 0, 0x63, 10, 0],
  [0, 3, 20, 0, 0x13, 20, 5, 3, 20, 0xff, 2, 0, 0, 3, 9, 0],
];

const write = (folder: string, inputs: readonly Uint8Array[]): void => {
  mkdirSync(folder, { recursive: true });
  for (const [index, input] of inputs.entries()) writeFileSync(join(folder, String(index)), input);
};

const main = async ([folder = '', seed = '', count = '']: readonly string[]): Promise<void> => {
  const random = randomFrom(Number(seed));
  const plans = [...(await realPlans()), ...Array.from({ length: Number(count) }, () => randomPlan(random))];
  rmSync(folder, { recursive: true, force: true });
  write(join(folder, 'plan'), plans.map(encodePlan));
  write(join(folder, 'tar'), ARCHIVES);
  write(
    join(folder, 'input'),
    WRITES.map((bytes) => Buffer.from(bytes)),
  );
  write(join(folder, 'checksum'), BYTES);
  write(
    join(folder, 'control'),
    CONVERSATIONS.map((text) => Buffer.from(text, 'latin1')),
  );
};

await main(argv.slice(2));
