/** The commands `cloister quota list` and `set`. */

import type { ClientConfig } from '../../config/config.ts';
import { connect } from '../connection.ts';
import { CliError } from '../errors.ts';
import { number, size, whole } from '../flag-values.ts';
import { size as sizeText } from '../format.ts';
import {
  type QuotaDetailsFragment as Quota,
  QuotasDocument,
  SetQuotaDocument,
  type SetQuotaInput,
} from '../generated/operations.ts';
import { inert } from '../inert.ts';
import { print, printJson } from '../output.ts';
import { request } from '../request.ts';
import { formatOf, type ListFlags, printList } from '../row-format.ts';
import { type Cell, tableLines } from '../table.ts';

interface JsonFlags {
  readonly json?: boolean;
}

/** The flags of `cloister quota set`: text that is a number or a size, or `default`. */
export interface SetQuotaFlags extends JsonFlags {
  readonly runningJobs?: string;
  readonly queuedJobs?: string;
  readonly cpus?: string;
  readonly memory?: string;
  readonly submissionsPerMinute?: string;
  readonly storage?: string;
  readonly files?: string;
  readonly subscriptions?: string;
  readonly connections?: string;
}

/** `cloister quota list`: the defaults, then what is set for subjects. */
export const listQuotas = async (config: ClientConfig, flags: ListFlags): Promise<void> => {
  formatOf(flags);
  const { quotas } = await request(await connect(config), QuotasDocument, {});
  await printList(quotas, flags, () => quotaTable(quotas, process.stdout.columns));
};

/**
 * `cloister quota set`.
 *
 * @throws CliError when no quota is given
 */
export const setQuota = async (
  config: ClientConfig,
  subject: string,
  flags: SetQuotaFlags,
): Promise<void> => {
  const input: SetQuotaInput = { subject };
  for (const [name, flag, parse] of FIELDS) {
    const text = flags[name];
    if (text !== undefined) Object.assign(input, { [name]: text === 'default' ? null : parse(flag, text) });
  }
  if (Object.keys(input).length === 1)
    throw new CliError(`expected at least one of ${FIELDS.map(([, flag]) => flag).join(', ')}`);
  const { setQuota: changed } = await request(await connect(config), SetQuotaDocument, { input });
  await (flags.json ? printJson(changed.quota) : print(quotaTable([changed.quota], process.stdout.columns)));
};

const decimal = (flag: string, text: string): number => number(flag, 'a number such as 2 or 0.5', text);

const FIELDS = [
  ['runningJobs', '--running-jobs', whole],
  ['queuedJobs', '--queued-jobs', whole],
  ['cpus', '--cpus', decimal],
  ['memory', '--memory', size],
  ['submissionsPerMinute', '--submissions-per-minute', whole],
  ['storage', '--storage', size],
  ['files', '--files', size],
  ['subscriptions', '--subscriptions', whole],
  ['connections', '--connections', whole],
] as const;

const HEADER = [
  'SUBJECT',
  'RUNNING',
  'QUEUED',
  'CPUS',
  'MEMORY',
  'PER MINUTE',
  'STORAGE',
  'FILES',
  'SUBSCR.',
  'CONN.',
].map((text): Cell => ({ text }));

/** @param width columns of the terminal; `undefined`: no terminal, where nothing is padded or cut */
const quotaTable = (quotas: readonly Quota[], width?: number): string =>
  tableLines(
    [
      HEADER,
      ...quotas.map((quota): readonly Cell[] => [
        { text: quota.subject === null ? '(default)' : inert(quota.subject) },
        ...FIELDS.map(([name, , parse]) => {
          const shown = (value: number): string =>
            parse === size && width !== undefined ? sizeText(value) : String(value);
          const { [name]: most, inUse } = quota;
          const used = inUse?.[name] == null ? '' : `${shown(inUse[name])}/`;
          // What was set for the subject itself is marked.
          const mark = quota.overrides.includes(name) ? '*' : '';
          return { text: `${used}${most === null ? '-' : shown(most)}${mark}` };
        }),
      ]),
    ],
    width,
  );
