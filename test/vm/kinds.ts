// The kinds of test machine, and how many of one kind this computer can run.
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { chooseAccelerator, forgetAccelerator } from './accelerator.ts';
import { type Processor, prepareForeign } from './foreign.ts';
import { prepareGuest } from './guest.ts';
import type { Launch } from './machine.ts';
import { install, isProgram } from './packages.ts';
import { QEMU, type QemuAccelerator, qemu, qemuForeign } from './qemu.ts';
import { prepareUml, uml } from './uml.ts';

export const ACCELERATORS = ['kvm', 'tcg', 'uml'] as const;
export type Accelerator = (typeof ACCELERATORS)[number];

/** Machines of one kind, ready to be started. */
export interface Kind {
  /** What it is called in messages. */
  readonly label: string;
  /** Options that Node.js is to have there. */
  readonly nodeOptions: string;
  /** Node.js there. */
  readonly node: string;
  /** @param index of the machine, from 0 to `count` - 1 */
  launch(index: number, count: number): Launch;
  /** To be called when one ended without an exit code. */
  failed(): void;
  dispose(): void;
}

const LEAST_MEMORY_MIB = 2048;
const MOST_MEMORY_MIB = 4096;
const HOST_MEMORY_MIB = 2048;
// Where threads are slow, those of V8 that compile WebAssembly get in each other's way: starts of Node.js ended by
// "Check failed: it->second.Size() > offset" or SIGSEGV (a similar report: nodejs/node#64500). It starts without them.
const FEW_THREADS = '--v8-pool-size=0';

/**
 * Brings what machines of another processor are made of.
 *
 * @param project the folder of the project
 * @throws LaneError when it is not available
 */
export const prepareForeignKind = async (
  processor: Processor,
  cache: string,
  project: string,
): Promise<Kind> => {
  mkdirSync(cache, { recursive: true });
  const foreign = await prepareForeign(processor, cache);
  if (!(await isProgram(foreign.program))) await install(foreign.package);
  return {
    label: `${processor}, emulated`,
    nodeOptions: FEW_THREADS,
    node: foreign.node,
    launch: (_index, count) => qemuForeign(foreign, project, memoryOf(count)),
    failed: () => {},
    dispose: () => {},
  };
};

/** How many machines this computer can run: one for each CPU that this process may use, as far as memory goes. */
export const mostMachines = (): number => {
  const fitting = Math.floor((totalMib() - HOST_MEMORY_MIB) / LEAST_MEMORY_MIB);
  return Math.max(1, Math.min(allowedCpus().length, fitting));
};

/**
 * Brings what machines of a kind are made of.
 *
 * @param accelerator undefined: KVM when a machine boots under it, otherwise emulation
 * @throws LaneError when it is not available
 */
export const prepareKind = async (
  accelerator: Accelerator | undefined,
  cache: string,
  signal: AbortSignal,
): Promise<Kind> => {
  mkdirSync(cache, { recursive: true });
  return accelerator === 'uml' ? umlKind(cache) : qemuKind(accelerator, cache, signal);
};

const umlKind = async (cache: string): Promise<Kind> => {
  const guest = await prepareUml(cache);
  const folder = mkdtempSync(join(tmpdir(), 'cloister-uml-'));
  const cpus = allowedCpus();
  return {
    label: 'User Mode Linux',
    nodeOptions: '',
    node: process.execPath,
    launch: (index, count) => {
      const own = join(folder, String(index));
      mkdirSync(own);
      return uml(guest, cpus[index % cpus.length] ?? 0, memoryOf(count), own);
    },
    failed: () => {},
    dispose: () => rmSync(folder, { recursive: true }),
  };
};

const qemuKind = async (
  asked: QemuAccelerator | undefined,
  cache: string,
  signal: AbortSignal,
): Promise<Kind> => {
  if (!(await isProgram(QEMU))) await install('qemu-system-x86');
  const guest = await prepareGuest(cache);
  const accelerator = asked ?? (await chooseAccelerator(guest, cache, signal));
  return {
    label: accelerator === 'kvm' ? 'KVM' : 'emulated',
    nodeOptions: accelerator === 'tcg' ? FEW_THREADS : '',
    node: process.execPath,
    launch: (_index, count) => qemu(guest, accelerator, memoryOf(count)),
    failed: () => {
      if (accelerator === 'kvm') forgetAccelerator(cache);
    },
    dispose: () => {},
  };
};

const memoryOf = (count: number): number => {
  const share = Math.floor((totalMib() - HOST_MEMORY_MIB) / count);
  return Math.min(MOST_MEMORY_MIB, Math.max(LEAST_MEMORY_MIB, share));
};

const totalMib = (): number => totalmem() / 2 ** 20;

/** The CPUs that this process may run on, out of proc_pid_status(5). */
const allowedCpus = (): number[] => {
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  return list.split(',').flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
};
