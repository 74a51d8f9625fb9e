// Whether QEMU emulates the test machine or KVM runs it.
import { execFileSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { LaneError, say } from './errors.ts';
import type { Guest } from './guest.ts';
import { runInMachine } from './machine.ts';
import { QEMU, type QemuAccelerator, qemu } from './qemu.ts';

const KVM = '/dev/kvm';
// The modules of virtualisation by the processor. Others (kvm_pvm, which does it in software) run a kernel that knows
// nothing of them slower than an emulator does.
const HARDWARE_MODULES = ['kvm_intel', 'kvm_amd'];
const PROBE_LIMIT_MS = 20_000;
const PROBE_MEMORY_MIB = 1024;

const record = (cache: string): string => join(cache, 'accelerator.json');

/**
 * Chooses between KVM and emulation. That KVM can be opened says little: under some hypervisors kernels hang in it. So
 * it is tried with a real boot, once for each host kernel, QEMU and guest; the answer is kept in the cache folder.
 */
export const chooseAccelerator = async (
  guest: Guest,
  cache: string,
  signal: AbortSignal,
): Promise<QemuAccelerator> => {
  if (!mayUseKvm()) return 'tcg';
  const version = execFileSync(QEMU, ['--version'], { encoding: 'utf8' }).split('\n')[0] ?? '';
  const circumstances = [release(), cpus()[0]?.model, version, guest.id].join(' | ');
  const known = recall(cache, circumstances);
  if (known !== undefined) return known;

  say(`trying KVM with a boot of at most ${PROBE_LIMIT_MS / 1000} s (once)`);
  const accelerator = await bootsUnderKvm(guest, cache, signal).then((boots) => (boots ? 'kvm' : 'tcg'));
  if (accelerator === 'tcg') say('no machine boots under KVM here; it is emulated instead, which is slower');
  writeFileSync(record(cache), `${JSON.stringify({ circumstances, accelerator })}\n`);
  return accelerator;
};

/** Forgets the choice, so that the next run tries again. */
export const forgetAccelerator = (cache: string): void => rmSync(record(cache), { force: true });

const mayUseKvm = (): boolean => {
  if (!HARDWARE_MODULES.some((name) => existsSync(`/sys/module/${name}`))) return false;
  try {
    accessSync(KVM, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
};

const recall = (cache: string, circumstances: string): QemuAccelerator | undefined => {
  if (!existsSync(record(cache))) return undefined;
  const kept: unknown = JSON.parse(readFileSync(record(cache), 'utf8'));
  if (typeof kept !== 'object' || kept === null || !('circumstances' in kept && 'accelerator' in kept))
    return;
  return kept.circumstances === circumstances
    ? (['kvm', 'tcg'] as const).find((accelerator) => accelerator === kept.accelerator)
    : undefined;
};

const bootsUnderKvm = async (guest: Guest, cache: string, signal: AbortSignal): Promise<boolean> => {
  const nowhere = new PassThrough().resume();
  const options = {
    name: 'machine',
    bootLimitMs: PROBE_LIMIT_MS,
    limitMs: PROBE_LIMIT_MS,
    stdout: nowhere,
    stderr: nowhere,
    signal,
  };
  const consoleLog = join(cache, 'console-kvm.log');
  try {
    return (
      (await runInMachine(
        qemu(guest, 'kvm', PROBE_MEMORY_MIB),
        { script: 'true', folders: [] },
        { ...options, consoleLog },
      )) === 0
    );
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof LaneError) return false;
    throw error;
  }
};
