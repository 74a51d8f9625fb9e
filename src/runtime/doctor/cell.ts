/** Checks whether a cell can be made. */

import { existsSync } from 'node:fs';
import { access, constants, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type CellIds,
  type CellIdsOptions,
  findCellIds,
  IdsError,
  mayMakeDevices,
  slotsOf,
} from '../ids/index.ts';
import { describeStep, explainStep } from '../launch-failure.ts';
import { remedyFor } from '../remedies.ts';
import { type TestCellOptions, tryCell } from '../test-cell.ts';
import { type Check, fail, pass, reasonOf, warn } from './check.ts';

/** Which cell the doctor tries, and where. */
export interface CellOptions extends CellIdsOptions {
  /** The state folder. Need not exist. */
  readonly stateDir: string;
  /** The folder of images: a cell is tried on their file system. Need not exist. */
  readonly imagesDir: string;
  /** Default: `tryCell`. */
  readonly tryOut?: (options: TestCellOptions) => ReturnType<typeof tryCell>;
}

/** Which ids cells get, and whether a cell can be made: one is made and removed. */
export const checkCell = async (options: CellOptions): Promise<readonly Check[]> => {
  const { launcher, stateDir, imagesDir, proc = '/proc', tryOut = tryCell } = options;
  let ids: CellIds;
  try {
    ids = await findCellIds(options);
  } catch (error) {
    if (!(error instanceof IdsError)) throw error;
    const remedy = await remedyFor({ step: 'namespace', errno: 0 }, proc);
    return [fail('ids of cells', error.message, `run the server as root, or: ${remedy}`)];
  }
  const checks = [checkIds(ids)];
  const checkOwnIds = async (): Promise<Check> => {
    const slots = slotsOf(ids);
    if (slots === undefined) return pass('ids of each job', shared(ids));
    const failure = await tryWith({ ids: { ...slots.take('doctor'), enter: ids.enter } });
    if (failure === undefined)
      return pass('ids of each job', `a range of its own, for ${slots.count} jobs at once`);
    return warn(
      'ids of each job',
      `${shared(ids)}: ${explainStep(failure)}`,
      'Linux 5.19 or newer, and a state folder on ext4, xfs or btrfs, or on tmpfs from Linux 6.3 on',
    );
  };
  const checkDevices = async (): Promise<Check> => {
    const hosts = 'the nodes of the host, on which locks, watches and time stamps are shared';
    const remedy = 'run the server as root of the machine, with CAP_MKNOD';
    if (!mayMakeDevices(ids)) return warn('devices of cells', hosts, remedy);
    const failure = await tryWith({ devices: true });
    if (failure === undefined) return pass('devices of cells', 'nodes of their own');
    return warn('devices of cells', `${hosts}: ${describeStep(failure)}`, remedy);
  };
  const writable = existsSync(stateDir) && (await mayWrite(stateDir));
  const parent = await mkdtemp(join(writable ? stateDir : tmpdir(), '.doctor-'));
  // The doctor leaves nothing behind: if there is no folder of images yet, the state folder is used instead.
  const images = (await mayWrite(imagesDir)) ? imagesDir : join(parent, 'images');
  const tryWith = (change: Partial<Pick<TestCellOptions, 'ids' | 'devices'>>) =>
    tryOut({
      launcher,
      ids,
      clocks: false,
      devices: false,
      ...change,
      folder: join(parent, 'test-cell'),
      imagesDir: images,
    });
  try {
    const failure = await tryWith({});
    if (failure === undefined)
      checks.push(pass('a cell', 'one was made'), await checkOwnIds(), await checkDevices());
    else checks.push(fail('a cell', describeStep(failure), await remedyFor(failure, proc)));
  } catch (error) {
    checks.push(fail('a cell', reasonOf(error), 'see the launcher above'));
  } finally {
    await rm(parent, { recursive: true });
  }
  return checks;
};

/** What it means that jobs have no ids of their own. With a single id it is that of files, too. */
const shared = ({ count }: CellIds): string =>
  count === 1
    ? 'all cells share one id'
    : 'all cells share one range; files that a job is given (--file) belong to nobody in its cell, where everybody may read them';

const checkIds = ({ count, notice, remedy }: CellIds): Check => {
  const detail = notice ?? `0 to ${count - 1}, which are nobody's outside`;
  return remedy === undefined ? pass('ids of cells', detail) : warn('ids of cells', detail, remedy);
};

const mayWrite = (folder: string): Promise<boolean> =>
  access(folder, constants.W_OK).then(
    () => true,
    () => false,
  );
