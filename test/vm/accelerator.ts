import { execFileSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { LaneError, say } from './errors.ts';
import type { Guest } from './guest.ts';
import { ACCELERATORS, type Accelerator, QEMU, runInMachine } from './machine.ts';

const KVM = '/dev/kvm';
const PROBE_LIMIT = 20_000;

const record = (cache: string): string => join(cache, 'accelerator.json');

/**
 * Chooses between KVM and emulation. That KVM can be opened says little: under some hypervisors kernels hang in it. So
 * it is tried with a real boot, once for each host kernel, QEMU and guest; the answer is kept in the cache folder.
 */
export const chooseAccelerator = async (
  guest: Guest,
  cache: string,
  signal: AbortSignal,
): Promise<Accelerator> => {
  if (!mayUseKvm()) return 'tcg';
  const version = execFileSync(QEMU, ['--version'], { encoding: 'utf8' }).split('\n')[0] ?? '';
  const circumstances = [release(), cpus()[0]?.model, version, guest.id].join(' | ');
  const known = recall(cache, circumstances);
  if (known !== undefined) return known;

  say(`trying KVM with a boot of at most ${PROBE_LIMIT / 1000} s (once)`);
  const accelerator = await bootsUnderKvm(guest, cache, signal).then((boots) => (boots ? 'kvm' : 'tcg'));
  if (accelerator === 'tcg') say('no machine boots under KVM here; it is emulated instead, which is slower');
  writeFileSync(record(cache), `${JSON.stringify({ circumstances, accelerator })}\n`);
  return accelerator;
};

/** Forgets the choice, so that the next run tries again. */
export const forgetAccelerator = (cache: string): void => rmSync(record(cache), { force: true });

const mayUseKvm = (): boolean => {
  try {
    accessSync(KVM, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
};

const recall = (cache: string, circumstances: string): Accelerator | undefined => {
  if (!existsSync(record(cache))) return undefined;
  const kept: unknown = JSON.parse(readFileSync(record(cache), 'utf8'));
  if (typeof kept !== 'object' || kept === null || !('circumstances' in kept && 'accelerator' in kept))
    return;
  return kept.circumstances === circumstances
    ? ACCELERATORS.find((accelerator) => accelerator === kept.accelerator)
    : undefined;
};

const bootsUnderKvm = async (guest: Guest, cache: string, signal: AbortSignal): Promise<boolean> => {
  const nowhere = new PassThrough().resume();
  const options = { bootLimit: PROBE_LIMIT, limit: PROBE_LIMIT, stdout: nowhere, stderr: nowhere, signal };
  const consoleLog = join(cache, 'console-kvm.log');
  try {
    return (
      (await runInMachine(
        guest,
        { script: 'true', folders: [] },
        { ...options, accelerator: 'kvm', consoleLog },
      )) === 0
    );
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof LaneError) return false;
    throw error;
  }
};
