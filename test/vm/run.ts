// Runs the tests that need cgroup v2 with its controllers, here or in virtual machines.
import { execFileSync, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readCosts, splitByCost } from '../support/costs.ts';
import { LaneError, say } from './errors.ts';
import { PROCESSOR_NAMES, type Processor, SMOKE } from './foreign.ts';
import { whyNotHere } from './host.ts';
import {
  ACCELERATORS,
  type Accelerator,
  type Kind,
  mostMachines,
  prepareForeignKind,
  prepareKind,
} from './kinds.ts';
import { runInMachine } from './machine.ts';
import { prefixLines } from './relay.ts';
import { taskOf } from './task.ts';

const USAGE = `Usage: node test/vm/run.ts [options] [vitest filters]
       node test/vm/run.ts [options] -- command [argument...]

Runs the tests of limits (or a command, as root) where cgroup v2 has its controllers: on this machine
when it has them, otherwise in virtual machines, between which the test files are split.
See test/vm/README.md.

  --vm             take a virtual machine in any case
  --accel NAME     kvm or tcg (QEMU) or uml (User Mode Linux, quick); left out: KVM when a machine
                   boots under it, else tcg; given: the same as --vm
  --arch NAME      a machine of another processor (aarch64), emulated; without a choice a few test files
                   run there
  --machines N     how many (default: one for each CPU, as far as memory goes)
  --timeout S      end everything after that many seconds (default 3000)
  --help           show this text

Exits with the code of the tests or the command; with 125 when there is none: the time limit passed,
the machine did not boot, its kernel panicked, something to run it is missing.
`;

const PROJECT = join(import.meta.dirname, '..', '..');
const CACHE = join(PROJECT, '.cache', 'vm');
const CONFIG = 'test/vm/vitest.config.ts';
const VITEST = join(PROJECT, 'node_modules/vitest/vitest.mjs');
const BOOT_LIMIT_MS = 180_000;
const LANE_FAILED = 125;

interface Options {
  /** Undefined: the tests. */
  readonly command: readonly string[] | undefined;
  readonly filters: readonly string[];
  readonly vm: boolean;
  readonly accelerator: Accelerator | undefined;
  readonly machines: number;
  /** Undefined: that of this machine. */
  readonly processor: Processor | undefined;
  readonly limitMs: number;
}

const parse = (parameters: readonly string[]): Options | undefined => {
  const separator = parameters.indexOf('--');
  const { values, positionals } = parseArgs({
    args: [...(separator === -1 ? parameters : parameters.slice(0, separator))],
    options: {
      vm: { type: 'boolean', default: false },
      accel: { type: 'string' },
      arch: { type: 'string' },
      machines: { type: 'string', default: String(mostMachines()) },
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
  const processor = PROCESSOR_NAMES.find((name) => name === values.arch);
  if (values.arch !== undefined && processor === undefined) {
    throw new LaneError(`--arch: expected ${PROCESSOR_NAMES.join(' or ')}, got "${values.arch}"`);
  }
  const command = separator === -1 ? [] : parameters.slice(separator + 1);
  if (command.length > 0 && positionals.length > 0) {
    throw new LaneError(`expected nothing between the options and "--", got "${positionals.join(' ')}"`);
  }
  return {
    command: command.length > 0 ? command : undefined,
    filters: positionals.length === 0 && processor !== undefined ? SMOKE : positionals,
    vm: values.vm || accelerator !== undefined || processor !== undefined,
    accelerator,
    processor,
    machines: positive('--machines', values.machines),
    limitMs: positive('--timeout', values.timeout) * 1000,
  };
};

const positive = (flag: string, text: string): number => {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new LaneError(`${flag}: expected a whole number above 0, got "${text}"`);
};

const vitest = (files: readonly string[], node = process.execPath): string[] => [
  node,
  VITEST,
  'run',
  '--config',
  CONFIG,
  ...files,
];

/** The test files that the filters choose, from the project folder. */
const chosenFiles = (filters: readonly string[]): string[] => {
  const list = [VITEST, 'list', '--filesOnly', '--config', CONFIG, ...filters];
  const files = execFileSync(process.execPath, list, { cwd: PROJECT, encoding: 'utf8' }).split('\n');
  return files.filter((file) => file !== '');
};

/** What each machine has to run. */
const commandsOf = ({ command, filters, machines }: Options, { node }: Kind): (readonly string[])[] => {
  if (command !== undefined) return [command];
  const costs = readCosts(join(import.meta.dirname, 'costs.json'));
  const files = chosenFiles(filters);
  if (files.length === 0) throw new LaneError(`no test file matches ${filters.join(' ')}`);
  return splitByCost(files, costs, machines).map((part) => vitest(part, node));
};

const environment = ({ nodeOptions }: Kind): NodeJS.ProcessEnv => {
  const options = [process.env['NODE_OPTIONS'] ?? '', nodeOptions].filter((option) => option !== '');
  const inColour = process.stdout.isTTY && process.env['NO_COLOR'] === undefined;
  return {
    // What is compiled once is found again by the next process.
    NODE_COMPILE_CACHE: '/tmp/node-compile-cache',
    ...(inColour && { FORCE_COLOR: '1' }),
    ...process.env,
    NODE_OPTIONS: options.join(' '),
  };
};

const runHere = async (options: Options, signal: AbortSignal): Promise<number> => {
  const [program = '', ...parameters] = options.command ?? vitest(options.filters);
  const child = spawn(program, parameters, { cwd: PROJECT, stdio: 'inherit' });
  const ended = Promise.withResolvers<number>();
  const end = (): boolean => child.kill('SIGTERM');
  signal.addEventListener('abort', end);
  const watchdog = setTimeout(() => {
    child.kill('SIGKILL');
    ended.reject(new LaneError(`not done after ${options.limitMs / 1000} s`));
  }, options.limitMs);
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
  const { processor, accelerator } = options;
  const kind =
    processor === undefined
      ? await prepareKind(accelerator, CACHE, signal)
      : await prepareForeignKind(processor, CACHE, PROJECT);
  try {
    const commands = commandsOf(options, kind);
    const many = commands.length > 1 ? `${commands.length} machines` : 'a machine';
    say(`booting ${many} (${kind.label})`);
    const codes = await Promise.allSettled(
      commands.map((command, index) => {
        const alone = commands.length === 1;
        const number = String(index + 1);
        const output = (stream: NodeJS.WritableStream): NodeJS.WritableStream =>
          alone ? stream : prefixLines(`[${number}] `, stream);
        return runInMachine(
          kind.launch(index, commands.length),
          taskOf(command, PROJECT, environment(kind)),
          {
            name: alone ? 'machine' : `machine ${number}`,
            consoleLog: join(CACHE, alone ? 'console.log' : `console-${number}.log`),
            stdout: output(process.stdout),
            stderr: output(process.stderr),
            bootLimitMs: BOOT_LIMIT_MS,
            limitMs: options.limitMs,
            signal,
          },
        );
      }),
    );
    return codes.reduce((worst, result) => Math.max(worst, codeOf(result, kind)), 0);
  } finally {
    kind.dispose();
  }
};

/** The exit code of a machine; LANE_FAILED, after the reason was printed, when there is none. */
const codeOf = (result: PromiseSettledResult<number>, kind: Kind): number => {
  if (result.status === 'fulfilled') return result.value;
  kind.failed();
  complain(result.reason);
  return LANE_FAILED;
};

const complain = (error: unknown): void => {
  const known = error instanceof LaneError || (error instanceof TypeError && 'code' in error);
  say(known ? error.message : String(error instanceof Error ? error.stack : error));
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
  say(`${reason}: running in virtual machines`);
  return runInVm(options, interrupted.signal);
};

try {
  const code = await main();
  process.exitCode ??= code;
} catch (error) {
  complain(error);
  process.exitCode ??= LANE_FAILED;
}
