/** The commands `cloister certs`: a certificate authority in a folder. */

import type { Command } from 'commander';
import type { AuthorityFolder, Made, MakeOptions } from './certs/folder.ts';
import { ConfigError } from './config/config.ts';
import { whole } from './config/values.ts';

interface CertsFlags {
  readonly dir: string;
  readonly days: string;
  readonly replace?: boolean;
}

/** Loaded when it is needed: it takes a tenth of a second. */
const open = async (dir: string): Promise<AuthorityFolder> =>
  new (await import('./certs/folder.ts')).AuthorityFolder(dir);

const LONGEST_DAYS = 36_500;

const makeOptions = ({ days, replace = false }: CertsFlags): MakeOptions => {
  const value = whole(days, 1, LONGEST_DAYS);
  if (value === undefined)
    throw new ConfigError(
      `--days: expected a whole number from 1 to ${LONGEST_DAYS}, got ${JSON.stringify(days)}`,
    );
  return { days: value, replace };
};

const print = (lines: readonly string[]): void => {
  process.stdout.write(`${lines.join('\n')}\n`);
};

const printMade = ({ certificate, key }: Made): void => print([certificate, key]);

const ROLES = ['ADMIN', 'USER', 'VIEWER'];

const roleOf = (text: string): string => {
  const role = text.toUpperCase();
  if (!ROLES.includes(role))
    throw new ConfigError(`--role: expected one of ${ROLES.join(', ')}, got ${JSON.stringify(text)}`);
  return role;
};

/** Adds the commands. They print the files that they have written, one a line. */
export const addCerts = (parent: Command): void => {
  const add = (name: string, description: string, days: number, example: string): Command =>
    parent
      .command(name)
      .description(description)
      .option('--dir <folder>', 'folder of the certificate authority', 'certs')
      .option('--days <count>', 'how long it is valid', String(days))
      .option('--replace', 'replace the files of an earlier one')
      .addHelpText('after', `\nExamples:\n  cloister certs ${example}`);

  add('init', 'make a certificate authority and an empty list of revoked certificates', 3650, 'init')
    .option('--name <name>', 'name of the authority', 'Cloister')
    .action(async (flags: CertsFlags & { name: string }) => {
      const options = makeOptions(flags);
      const folder = await open(flags.dir);
      printMade(await folder.init(flags.name, options));
      print([folder.revocations]);
    });

  add('server', 'make a certificate for a server', 365, 'server jobs.example.com 192.0.2.7')
    .argument('<names...>', 'host names and IP addresses by which clients reach it')
    .action(async (names: readonly [string, ...string[]], flags: CertsFlags) => {
      const options = makeOptions(flags);
      printMade(await (await open(flags.dir)).server(names, options));
    });

  add('client', 'make a certificate for a person or a program', 365, 'client alice@example.com --role user')
    .argument('<name>', 'subject: the owner of the jobs that are submitted with it')
    .requiredOption('--role <role>', 'admin, user or viewer')
    .action(async (name: string, flags: CertsFlags & { role: string }) => {
      const role = roleOf(flags.role);
      const options = makeOptions(flags);
      printMade(await (await open(flags.dir)).client(name, role, options));
    });

  parent
    .command('revoke')
    .description('revoke a certificate: add it to the list that the server reads')
    .argument('<certificate>', 'the name it was made for, or the file that holds it')
    .option('--dir <folder>', 'folder of the certificate authority', 'certs')
    .addHelpText('after', '\nExamples:\n  cloister certs revoke alice@example.com')
    .action(async (certificate: string, { dir }: CertsFlags) => {
      const folder = await open(dir);
      await folder.revoke(certificate);
      print([folder.revocations]);
    });
};
