import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { totalmem } from 'node:os';
import { createInterface } from 'node:readline';
import { Duplex } from 'node:stream';
import { finished } from 'node:stream/promises';
import { LaneError, say } from './errors.ts';
import type { Guest } from './guest.ts';

export const ACCELERATORS = ['kvm', 'tcg'] as const;
export type Accelerator = (typeof ACCELERATORS)[number];

export interface Task {
  /** What /bin/sh runs as root. */
  readonly script: string;
  /** Folders of the host below /tmp and /run that shall be there all the same. */
  readonly folders: readonly string[];
}

export interface BootOptions {
  readonly accelerator: Accelerator;
  /** A file that takes what the kernel says. */
  readonly consoleLog: string;
  /** Where the output of the script goes. */
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
  /** Time until the machine asks for the script, and time altogether, in milliseconds. */
  readonly bootLimit: number;
  readonly limit: number;
  /** Ends the machine at once. */
  readonly signal?: AbortSignal;
}

export const QEMU = 'qemu-system-x86_64';

// File descriptors of QEMU, each one end of a pair of sockets.
const CONSOLE = 3;
const CONTROL = 4;
const STDOUT = 5;
const STDERR = 6;
// One thread for both CPUs. With one for each, QEMU before 8.1 may translate a page while the other CPU writes it, and
// run code as it was half-way (deba78709ae8 there): one in eight starts of Node.js failed, and none with one thread.
const EMULATED = 'tcg,thread=single';
const POWER_OFF_LIMIT = 30_000;
const CONSOLE_TAIL = 40;
// What the kernel says of a process that it ended: the first thing to know when a program died by a signal.
const FAULT = /traps:|segfault|general protection|invalid opcode|Out of memory:|Killed process \d+ \(node/;
const MOST_FAULTS = 20;

/**
 * Boots the test machine, runs a script there and ends the machine.
 *
 * @returns the script's exit code
 * @throws LaneError when the machine did not get as far as an exit code: it did not boot, the kernel panicked, a time
 *   limit passed; with the last lines of its console
 */
export const runInMachine = async (guest: Guest, task: Task, options: BootOptions): Promise<number> => {
  // The machine shall not outlive this process, however that ends.
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', QEMU, ...parameters(guest, options.accelerator)], {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe', 'pipe', 'pipe'],
  });
  let trouble: string | undefined;
  let complaints = '';
  let cut: string | undefined;
  const socketOf = (fd: number): Duplex => {
    const socket = child.stdio[fd];
    if (!(socket instanceof Duplex)) throw new Error(`file descriptor ${fd} of QEMU is no socket`);
    return socket.on('error', (error) => {
      cut ??= error.message;
    });
  };
  const end = (reason: string): void => {
    trouble ??= reason;
    child.kill('SIGKILL');
  };
  const abort = (): void => end('interrupted');
  options.signal?.addEventListener('abort', abort);
  const overall = setTimeout(() => end(`not done after ${options.limit / 1000} s`), options.limit);
  let stage = setTimeout(() => end(`not booted after ${options.bootLimit / 1000} s`), options.bootLimit);

  const tail = keepTail(socketOf(CONSOLE), options.consoleLog);
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaints += text;
  });
  socketOf(STDOUT).pipe(options.stdout, { end: false });
  socketOf(STDERR).pipe(options.stderr, { end: false });

  let code: number | undefined;
  const control = socketOf(CONTROL);
  createInterface({ input: control }).on('line', (line) => {
    clearTimeout(stage);
    if (line === 'up') control.write(`${base64(task.folders.join('\n'))}\n${base64(task.script)}\n`);
    const status = /^exit (\d+)$/.exec(line)?.[1];
    if (status === undefined) return;
    code = Number(status);
    stage = setTimeout(() => child.kill('SIGKILL'), POWER_OFF_LIMIT);
  });

  try {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    child.once('error', reject).once('close', () => resolve());
    await promise;
    if (code !== undefined && trouble === undefined) {
      if (code !== 0) for (const line of (await tail).faults) say(`the kernel: ${line}`);
      return code;
    }
    const reason = trouble ?? (complaints.trim() || (cut ?? 'it ended by itself (a kernel panic?)'));
    const lines = options.signal?.aborted ? [] : (await tail).lines;
    const seen =
      lines.length > 0 ? `\nThe end of its console (${options.consoleLog}):\n${lines.join('\n')}` : '';
    throw new LaneError(`The virtual machine failed: ${reason}${seen}`);
  } finally {
    clearTimeout(overall);
    clearTimeout(stage);
    options.signal?.removeEventListener('abort', abort);
    await tail;
  }
};

const parameters = (guest: Guest, accelerator: Accelerator): string[] => {
  const port = (name: string): string[] => ['-device', `virtserialport,chardev=${name},name=${name}`];
  const socket = (name: string, fd: number): string[] => ['-chardev', `socket,id=${name},fd=${fd}`];
  const share = 'local,path=/,mount_tag=root,security_model=none,readonly=on,multidevs=remap';
  return [
    ...(accelerator === 'kvm' ? ['-accel', 'kvm', '-cpu', 'host'] : ['-accel', EMULATED, '-cpu', 'max']),
    ...['-smp', '2', '-m', totalmem() > 6 * 2 ** 30 ? '4G' : '2G'],
    ...['-nodefaults', '-display', 'none', '-no-reboot'],
    ...['-kernel', guest.kernel, '-initrd', guest.initramfs],
    ...['-append', 'console=ttyS0 loglevel=7 panic=-1 oops=panic random.trust_cpu=on mitigations=off'],
    ...['-virtfs', share],
    ...[...socket('console', CONSOLE), '-serial', 'chardev:console'],
    ...['-device', 'virtio-serial-pci'],
    ...[...socket('control', CONTROL), ...port('control')],
    ...[...socket('stdout', STDOUT), ...port('stdout')],
    ...[...socket('stderr', STDERR), ...port('stderr')],
  ];
};

interface ConsoleTail {
  /** The last ones. */
  readonly lines: readonly string[];
  /** The first ones that tell of a process that was ended. */
  readonly faults: readonly string[];
}

/** Writes the console to a file; resolves, when it has ended, with what is worth telling of it. */
const keepTail = async (input: Duplex, file: string): Promise<ConsoleTail> => {
  const log = createWriteStream(file);
  const lines: string[] = [];
  const faults: string[] = [];
  input.pipe(log);
  input.once('close', () => log.end());
  let panicked = false;
  createInterface({ input }).on('line', (line) => {
    // What comes after a panic is its trace, which would push what led to it out of the tail.
    if (panicked) return;
    panicked = line.includes('Kernel panic');
    lines.push(line);
    if (FAULT.test(line) && faults.length < MOST_FAULTS) faults.push(line);
    if (lines.length > CONSOLE_TAIL) lines.shift();
  });
  await finished(log);
  return { lines, faults };
};

const base64 = (text: string): string => Buffer.from(text === '' ? '' : `${text}\n`).toString('base64');
