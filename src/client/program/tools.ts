/** The commands for programs, browsers and shells. */

import type { Command } from 'commander';
import { clientSettings, type Flags, parseStateDirs, serveSettings } from '../../config/config.ts';
import { withConfigFile } from '../../config/file.ts';
import { withSettings } from '../../config/flags.ts';
import type { AuditFlags } from '../commands/audit.ts';
import type { VerifyFlags } from '../commands/receipt.ts';
import { FORMAT_HELP } from '../row-format.ts';
import { type Add, collect, config, JOB } from './add.ts';

interface ApiFlags extends Flags {
  readonly field?: readonly string[];
  readonly rawField?: readonly string[];
  readonly paginate?: boolean;
  readonly get?: string;
}

/**
 * Declares the commands for requests of one's own, the web page and completion.
 *
 * @param program the whole command line, which completion describes
 */
export const addTools = (add: Add, program: Command): void => {
  add('api', 'send a GraphQL document, and print the answer as JSON', [
    "api '{ server { version } }' --get server.version",
    "api 'query ($n: Int!) { jobs(first: $n) { nodes { id status } } }' -F n=5 --get jobs.nodes.id",
    'api @query.graphql -f id=$ID',
    "api --paginate 'query ($endCursor: String) { jobs(first: 100, after: $endCursor) { nodes { id } pageInfo { hasNextPage endCursor } } }'",
  ])
    .argument('<document>', 'the document, @FILE for a file that holds it, or - for standard input')
    .option(
      '-F, --field <NAME=VALUE>',
      'variable: a number, true, false, null or JSON, otherwise text; may be repeated',
      collect,
    )
    .option(
      '-f, --raw-field <NAME=TEXT>',
      'variable that is text, whatever it looks like; may be repeated',
      collect,
    )
    .option('--paginate', 'request further pages with $endCursor while there are any; print each answer')
    .option('--get <path>', 'print only the values at this path, such as jobs.nodes.id, one per line')
    .action(async (document: string, flags: ApiFlags) => {
      const { api } = await import('../commands/api.ts');
      process.exitCode = await api(config(flags), document, flags);
    });

  add('audit', 'print the audit log as lines of JSON, the newest first, for admins', [
    'audit --since 1d --failed',
    'audit --job 01a22347-354f-7214-ab23-00f646e51660',
    'audit > audit.jsonl',
  ])
    .option('--action <action>', 'only this action, such as submit-job or sign-in')
    .option('--subject <subject>', 'only what this subject did')
    .option('--job <id>', 'only what is about this job')
    .option('--failed', 'only what was refused')
    .option('--since <time>', 'from this time on: a time, or an age such as 1d')
    .option('--until <time>', 'before this time: a time, or an age')
    .option('--format <template>', FORMAT_HELP)
    .action(async (flags: Flags & AuditFlags) => {
      const { audit } = await import('../commands/audit.ts');
      await audit(config(flags), flags);
    });

  const receipt = add('receipt', 'write the signed receipt of a job that has ended', [
    'receipt -o job.receipt @last',
    'receipt @last | cloister verify -',
    'receipt key > server.pem',
  ])
    .argument('<job>', JOB)
    .option('-o, --output <file>', 'write it to this file instead of standard output')
    .action(async (job: string, flags: Flags & { output?: string }) => {
      const { receipt: run } = await import('../commands/receipt.ts');
      await run(config(flags), job, flags);
    });
  withSettings(
    receipt.command('key').description('print the public keys of the server, as PEM, the current one first'),
    clientSettings,
  ).action(async (_flags: Flags, command: Command) => {
    const { receiptKeys } = await import('../commands/receipt.ts');
    await receiptKeys(config(command.optsWithGlobals()));
  });

  withSettings(
    program
      .command('verify')
      .description('check the receipt of a job, and files against it, without a server')
      .argument('<file>', 'the receipt; - is stdin'),
    { stateDir: serveSettings.stateDir },
  )
    .option(
      '--key <file>',
      'what "cloister receipt key" printed; default: the keys of the server on this machine',
    )
    .option(
      '--artifact <NAME=FILE>',
      'compare a file with the artifact of this name; may be repeated',
      collect,
    )
    .option('--log <STREAM=FILE>', 'compare a file with stdout, stderr or terminal; may be repeated', collect)
    .addHelpText(
      'after',
      [
        '',
        'Exits with 0 if the receipt is valid and every file given is what it says, otherwise with 1.',
        '',
        'Examples:',
        '  cloister verify --key server.pem job.receipt',
        '  cloister logs --raw --stream stdout ID | cloister verify --log stdout=- job.receipt',
      ].join('\n'),
    )
    .action(async (file: string, flags: Flags & VerifyFlags) => {
      const { verify } = await import('../commands/receipt.ts');
      process.exitCode = await verify(file, flags, parseStateDirs(flags, withConfigFile(flags, process.env)));
    });

  add('open', 'open GraphiQL in the browser, signed in', ['open']).action(async (flags: Flags) => {
    const { open } = await import('../commands/open.ts');
    await open(config(flags));
  });

  program
    .command('completion')
    .description('print a script that completes commands, flags and jobs')
    .argument('<shell>', 'bash, zsh or fish')
    .addHelpText(
      'after',
      '\nExamples:\n  eval "$(cloister completion bash)"\n  cloister completion fish | source',
    )
    .action(async (shell: string) => {
      const [{ completionScript, SHELLS }, { oneOf }, { write }] = await Promise.all([
        import('../completion.ts'),
        import('../flag-values.ts'),
        import('../output.ts'),
      ]);
      const known = SHELLS.map((name) => name.toUpperCase());
      const index = known.indexOf(oneOf('shell', known, shell));
      await write(process.stdout, completionScript(SHELLS[index] ?? 'bash', program));
    });
};
