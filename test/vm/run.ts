import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { chooseAccelerator, forgetAccelerator } from './accelerator.ts';
import { LaneError, say } from './errors.ts';
import { prepareGuest } from './guest.ts';
import { whyNotHere } from './host.ts';
import { ACCELERATORS, type Accelerator, QEMU, runInMachine } from './machine.ts';
import { install, isProgram } from './packages.ts';
import { taskOf } from './task.ts';

const USAGE = `Usage: node test/vm/run.ts [options] [vitest filters]
       node test/vm/run.ts [options] -- command [argument...]

Runs the tests of limits (or a command, as root) where cgroup v2 has its controllers: on this machine
when it has them, otherwise in a virtual machine. See test/vm/README.md.

  --vm             take the virtual machine in any case
  --accel NAME     kvm or tcg; left out: KVM when a machine boots under it
  --timeout S      end everything after that many seconds (default 3000)
  --help           show this text

Exits with the code of the tests or the command; with 125 when it did not come to one: the time limit passed,
the machine did not boot, its kernel panicked, something to run it is missing.
`;

const PROJECT = join(import.meta.dirname, '..', '..');
const CACHE = join(PROJECT, '.cache', 'vm');
const VITEST = [
  join(PROJECT, 'node_modules/vitest/vitest.mjs'),
  'run',
  '--config',
  'test/vm/vitest.config.ts',
];
const BOOT_LIMIT = 180_000;
const LANE_FAILED = 125;

interface Options {
  readonly argv: readonly string[];
  readonly vm: boolean;
  readonly accelerator: Accelerator | undefined;
  /** In milliseconds. */
  readonly limit: number;
}

const parse = (parameters: readonly string[]): Options | undefined => {
  const separator = parameters.indexOf('--');
  const { values, positionals } = parseArgs({
    args: [...(separator === -1 ? parameters : parameters.slice(0, separator))],
    options: {
      vm: { type: 'boolean', default: false },
      accel: { type: 'string' },
      timeout: { type: 'string', default: '3000' },
      help: { type: 'boolean', short: 'h', default: false },
    },
    allowPositionals: true,
  });
  if (values.help) return undefined;
  const accelerator = ACCELERATORS.find((name) => name === values.accel);
  if (values.accel !== undefined && accelerator === undefined) {
    throw new LaneError(`--accel: expected ${ACCELERATORS.join(' or ')}, got "${values.accel}"`);
  }
  if (!/^[1-9]\d{0,5}$/.test(values.timeout)) {
    throw new LaneError(`--timeout: expected a whole number of seconds above 0, got "${values.timeout}"`);
  }
  const command = separator === -1 ? [] : parameters.slice(separator + 1);
  if (command.length > 0 && positionals.length > 0) {
    throw new LaneError(`expected nothing between the options and "--", got "${positionals.join(' ')}"`);
  }
  return {
    argv: command.length > 0 ? command : [process.execPath, ...VITEST, ...positionals],
    vm: values.vm,
    accelerator,
    limit: Number(values.timeout) * 1000,
  };
};

// Where threads are slow, those of V8 that compile WebAssembly get in each other's way: starts of Node.js ended by
// "Check failed: it->second.Size() > offset" or SIGSEGV (nodejs/node#64500 tells of the like). It starts without them.
const FEW_THREADS = '--v8-pool-size=0';

const environment = (accelerator: Accelerator): NodeJS.ProcessEnv => {
  const options = [process.env['NODE_OPTIONS'], accelerator === 'tcg' ? FEW_THREADS : undefined];
  const inColour = process.stdout.isTTY && process.env['NO_COLOR'] === undefined;
  return {
    // What is compiled once is found again by the next process.
    NODE_COMPILE_CACHE: '/tmp/node-compile-cache',
    ...(inColour && { FORCE_COLOR: '1' }),
    ...process.env,
    NODE_OPTIONS: options.filter((option) => option !== undefined).join(' '),
  };
};

const runHere = async (options: Options, signal: AbortSignal): Promise<number> => {
  const [program = '', ...parameters] = options.argv;
  const child = spawn(program, parameters, { cwd: PROJECT, stdio: 'inherit' });
  const ended = Promise.withResolvers<number>();
  const end = (): boolean => child.kill('SIGTERM');
  signal.addEventListener('abort', end);
  const watchdog = setTimeout(() => {
    child.kill('SIGKILL');
    ended.reject(new LaneError(`not done after ${options.limit / 1000} s`));
  }, options.limit);
  child.once('error', (error) => ended.reject(new LaneError(`Cannot run ${program}: ${error.message}`)));
  child.once('close', (code, name) => ended.resolve(code ?? 128 + constants.signals[name ?? 'SIGKILL']));
  return ended.promise.finally(() => {
    clearTimeout(watchdog);
    signal.removeEventListener('abort', end);
  });
};

const runInVm = async (options: Options, signal: AbortSignal): Promise<number> => {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new LaneError(
      `The virtual machine is made for Linux on x86_64, this is ${process.platform} on ${process.arch}. ` +
        'Run the tests as root on a machine whose own cgroup v2 has the controllers.',
    );
  }
  if (!(await isProgram(QEMU))) await install('qemu-system-x86');
  mkdirSync(CACHE, { recursive: true });
  const guest = await prepareGuest(CACHE);
  const accelerator = options.accelerator ?? (await chooseAccelerator(guest, CACHE, signal));
  say(`booting (${accelerator === 'kvm' ? 'KVM' : 'emulated'})`);
  try {
    return await runInMachine(guest, taskOf(options.argv, PROJECT, environment(accelerator)), {
      accelerator,
      consoleLog: join(CACHE, 'console.log'),
      stdout: process.stdout,
      stderr: process.stderr,
      bootLimit: BOOT_LIMIT,
      limit: options.limit,
      signal,
    });
  } catch (error) {
    if (accelerator === 'kvm') forgetAccelerator(CACHE);
    throw error;
  }
};

const main = async (): Promise<number> => {
  const options = parse(process.argv.slice(2));
  if (options === undefined) {
    process.stdout.write(USAGE);
    return 0;
  }
  const interrupted = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(name, () => {
      process.exitCode = 128 + constants.signals[name];
      interrupted.abort();
    });
  }
  const reason = options.vm ? 'asked for' : whyNotHere();
  if (reason === undefined) return runHere(options, interrupted.signal);
  say(`${reason}: running in a virtual machine`);
  return runInVm(options, interrupted.signal);
};

try {
  process.exitCode = await main();
} catch (error) {
  const known = error instanceof LaneError || (error instanceof TypeError && 'code' in error);
  say(known ? error.message : String(error instanceof Error ? error.stack : error));
  process.exitCode ??= LANE_FAILED;
}
