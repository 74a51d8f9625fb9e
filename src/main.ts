/** The program `cloister`: its commands. */

import { Command, CommanderError } from 'commander';
import { addCerts } from './certs.ts';
import { inOtherWords } from './client/other-words.ts';
import { addClientCommands } from './client/program.ts';
import { checkText, ownArguments } from './client/utf8.ts';
import {
  type Flags,
  parseServeConfig,
  parseStateDirs,
  type ServeConfig,
  serveSettings,
} from './config/config.ts';
import { configSetting, withConfigFile } from './config/file.ts';
import { withSettings } from './config/flags.ts';
import { statePaths } from './state/paths.ts';
import { VERSION } from './version.ts';

/** The executable: each command loads what it needs when it is called, so that the client starts without the server. */
const program = new Command('cloister')
  .description('Runs Linux commands, each in a cell of its own, behind one GraphQL endpoint.')
  .version(VERSION, '--version', 'print the version')
  .helpOption('-h, --help', 'print help')
  .helpCommand('help [command]', 'print the help of a command')
  .enablePositionalOptions()
  .exitOverride()
  .configureOutput({
    outputError: (text, write) =>
      write(inOtherWords(text.replace(/^error: /, 'cloister: '), process.argv.slice(2))),
  });

withSettings(program.command('serve').description('run the server'), {
  config: configSetting,
  ...serveSettings,
}).action(async (flags: Flags) => {
  const config = parseServeConfig(flags, withConfigFile(flags, process.env));
  const { serve } = await import('./serve.ts');
  await serve(config);
});

withSettings(
  program.command('config').description('print the settings of the server, and where each comes from'),
  { config: configSetting, ...serveSettings },
)
  .option('--json', 'print the settings as JSON')
  .action(async (flags: Flags & { json?: boolean }) => {
    const [{ effectiveSettings }, { write }] = await Promise.all([
      import('./config/show.ts'),
      import('./client/output.ts'),
    ]);
    const settings = effectiveSettings(flags, withConfigFile(flags, process.env));
    const lines = settings.map(
      ({ name, value, source }) => `${name.padEnd(32)} ${value ?? '-'}  (${source})`,
    );
    await write(
      process.stdout,
      `${flags.json ? JSON.stringify(settings, undefined, 2) : lines.join('\n')}\n`,
    );
  });

addClientCommands(program);

/** The state folder of the server on this machine, which may be that of "make run" in this checkout. */
const localStateDir = async (flags: Flags): Promise<string> => {
  const { findStateDir } = await import('./state/find.ts');
  return findStateDir(parseStateDirs(flags, withConfigFile(flags, process.env)));
};

/** Settings for commands that look at the server on this machine. */
const localConfig = async (flags: Flags): Promise<ServeConfig> => ({
  ...parseServeConfig(flags, withConfigFile(flags, process.env)),
  stateDir: await localStateDir(flags),
});

withSettings(
  program.command('doctor').description('check whether this machine can run jobs, and say what to do if not'),
  serveSettings,
)
  .option('--json', 'print the findings as JSON')
  .action(async (flags: Flags & { json?: boolean }) => {
    const config = await localConfig(flags);
    const [{ doctor }, { printChecks }] = await Promise.all([
      import('./runtime/doctor/index.ts'),
      import('./client/checks.ts'),
    ]);
    const checks = await doctor(config);
    process.exitCode = await printChecks(checks, flags.json ?? false);
  });

const image = program.commands.find((command) => command.name() === 'image') ?? program;

withSettings(image.command('fetch').description('download and unpack the images before the first start'), {
  stateDir: serveSettings.stateDir,
  idBase: serveSettings.idBase,
  imageMirror: serveSettings.imageMirror,
}).action(async (flags: Flags) => {
  const { fetchImages } = await import('./image.ts');
  await fetchImages(await localConfig(flags));
});

withSettings(
  image
    .command('unpacked')
    .description('list what is unpacked on this machine of the images that come with Cloister'),
  {
    stateDir: serveSettings.stateDir,
  },
)
  .option('--json', 'print the images as JSON')
  .action(async (flags: Flags & { json?: boolean }) => {
    const { listImages } = await import('./image.ts');
    await listImages(await localStateDir(flags), flags.json ?? false);
  });

withSettings(
  program
    .command('backup')
    .description('copy the database of the server on this machine, also while it runs')
    .argument('<file>', 'file to make; it holds what jobs were given, and only its owner may read it'),
  { stateDir: serveSettings.stateDir },
).action(async (file: string, flags: Flags) => {
  const [{ resolve }, { backUp }] = await Promise.all([import('node:path'), import('./store/backup.ts')]);
  backUp(statePaths(await localStateDir(flags)).database, resolve(file));
});

addCerts(program.command('certs').description('a certificate authority of your own, for mutual TLS'));

program
  .command('schema')
  .description('print the GraphQL schema')
  .action(async () => {
    const [{ printSchemaText }, { write }] = await Promise.all([
      import('./resolvers/schema.ts'),
      import('./client/output.ts'),
    ]);
    await write(process.stdout, printSchemaText());
  });

/** What can be any bytes: the words of a job's command and its variables. */
const ANY_BYTES: readonly string[] = ['command', 'env'];

// What a command gets is sent or used as text, which would be another one.
program.hook('preAction', (_program, command) => {
  const given: readonly (readonly [string, string, unknown])[] = [
    ...command.options.map((option): [string, string, unknown] => {
      const key = option.attributeName();
      return [key, option.long ?? option.flags, command.getOptionValue(key)];
    }),
    ...command.registeredArguments.map((argument, index): [string, string, unknown] => {
      const name = argument.name();
      return [name, name, command.processedArgs[index]];
    }),
  ];
  for (const [key, what, value] of given)
    if (!ANY_BYTES.includes(key))
      for (const text of [value].flat()) if (typeof text === 'string') checkText(what, text);
});

/** Prints an error as one sentence, and returns the exit code for it. */
const report = (error: unknown): number => {
  // 1 could be the code of the job.
  const code = ['run', 'rerun', 'wait'].includes(process.argv[2] ?? '') ? 125 : 1;
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : code;
  const own = error instanceof Error && 'exitCode' in error ? Number(error.exitCode) : 1;
  // 128 + SIGPIPE: the reader of our output has gone, so there is nobody to report to.
  if (own === 141) return own;
  process.stderr.write(`cloister: ${error instanceof Error ? error.message : String(error)}\n`);
  return own === 1 ? code : own;
};

// Every write that matters reports its error to its caller; without a listener the event would end the process.
process.stdout.on('error', () => undefined);
process.stderr.on('error', () => undefined);

try {
  await program.parseAsync(ownArguments(), { from: 'user' });
} catch (error) {
  process.exitCode = report(error);
}
