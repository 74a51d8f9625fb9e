/** The cells of this machine, as `serve` makes them, and those in memory meet the requirements of all cells. */

import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openCells } from '../../src/cells/cells.ts';
import { JobFolders } from '../../src/cells/folders.ts';
import { openHost } from '../../src/cells/host.ts';
import { limitsContext } from '../../src/cells/limits-context.ts';
import { Cleanup } from '../../src/cleanup.ts';
import { parseServeConfig } from '../../src/config/config.ts';
import type { Command } from '../../src/jobs/job.ts';
import type { SubmitRequest } from '../../src/jobs/service.ts';
import { exited, FakeCells, stoppedBy } from '../jobs/fake-cells.ts';
import { FakeFileStore } from '../server/fake-files.ts';
import { FakeImageStore } from '../server/fake-images.ts';
import { usage } from '../store/fixture.ts';
import { ID_BASE, IMAGES, testImage } from '../support/image.ts';
import { type CellsLane, COMMANDS, type CommandName, cellsConformance } from './conformance.ts';

const log = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

const failClosing = (error: unknown): never => {
  throw error;
};

cellsConformance('of this machine', async () => {
  await testImage();
  const cleanup = new Cleanup();
  try {
    return { lane: await openMachine(cleanup), close: () => cleanup.run(failClosing) };
  } catch (error) {
    await cleanup.run(failClosing);
    throw error;
  }
});

/** Made as `serve` makes it. */
const openMachine = async (cleanup: Cleanup): Promise<CellsLane> => {
  const stateDir = mkdtempSync(join(tmpdir(), 'cloister-cells-'));
  cleanup.add(() => rmSync(stateDir, { recursive: true }));
  symlinkSync(IMAGES, join(stateDir, 'images'));
  const config = parseServeConfig({ stateDir, idBase: String(ID_BASE) }, {});
  const host = await openHost(config, cleanup, log);
  const umask = process.umask(0o077);
  cleanup.add(() => process.umask(umask));
  const { signal } = new AbortController();
  const files = { store: new FakeFileStore(), quota: () => null };
  const options = { store: new FakeImageStore(), files, open: [], log, signal, cleanup };
  const { cells } = await openCells(config, host, limitsContext(config, host.cgroups), options);
  const folders = new JobFolders(stateDir);
  const started = (id: string): string => readFileSync(join(folders.path(id), 'started'), 'utf8');
  return {
    cells,
    kill: (id) => process.kill(Number.parseInt(started(id), 10), 'SIGKILL'),
    abandon: async ({ id }) => folders.create(id, Buffer.from('a plan'), null),
    size: (id) => folders.size(id),
  };
};

cellsConformance('in memory', async () => {
  const cells = new FakeCells();
  cells.cgroup = { path: '/jobs', controllers: ['cpu', 'memory'] };
  cells.used = usage;
  /** The behaviour of a cell in memory in place of a command. */
  const acts: Readonly<Record<CommandName, (id: string) => void>> = {
    hello: (id) => {
      cells.execute(id);
      cells.write(id, 'hello\n');
      cells.finish(id, exited(3));
    },
    waits: (id) => cells.execute(id),
    ignoresTerm: (id) => {
      cells.execute(id);
      cells.write(id, 'ready\n');
      cells.cell(id).stopped = () => cells.finish(id, stoppedBy('SIGKILL'));
    },
    exitsAtUsr1: (id) => {
      cells.execute(id);
      cells.write(id, 'ready\n');
      cells.cell(id).signaled = (number) => {
        if (number === 10) cells.finish(id, exited(7));
      };
    },
    speaks: (id) => {
      cells.execute(id);
      cells.write(id, 'one\n');
      cells.cell(id).signaled = (number) => {
        if (number === 10) cells.write(id, 'two\n', 'STDERR');
        if (number !== 12) return;
        cells.write(id, 'three\nfour');
        cells.finish(id, exited(0));
      };
    },
    missing: (id) => cells.finish(id, { status: 'FAILED', finishedAt: new Date(), error: 'no such program' }),
  };
  cells.starting = async ({ id, spec: { command } }) => {
    cells.make(id);
    const name = (Object.keys(COMMANDS) as CommandName[]).find((each) => isCommand(COMMANDS[each], command));
    if (name === undefined) throw new Error(`the suite has no command ${JSON.stringify(command)}`);
    // The caller attaches first, as it would before a real command gets this far.
    setImmediate(() => acts[name](id));
  };
  return {
    lane: { cells, kill: (id) => cells.kill(id), abandon: async () => undefined },
    close: async () => undefined,
  };
});

const isCommand = ({ command, argv }: SubmitRequest, of: Command): boolean =>
  of.kind === 'shell' ? of.line === command : of.argv[0] === argv?.[0];
