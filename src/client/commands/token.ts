/** The commands `cloister token create`, `list`, `revoke` and `rotate-admin`. */

import type { ClientConfig } from '../../config/config.ts';
import { connect } from '../connection.ts';
import { moment, oneOf } from '../flag-values.ts';
import { age } from '../format.ts';
import {
  CreateTokenDocument,
  RevokeTokenDocument,
  RotateAdminTokenDocument,
  type TokenDetailsFragment as Token,
  TokensDocument,
} from '../generated/operations.ts';
import { inert } from '../inert.ts';
import { note, print, printJson } from '../output.ts';
import { request } from '../request.ts';
import { formatOf, type ListFlags, printList } from '../row-format.ts';
import { type Cell, tableLines } from '../table.ts';

/** The flags of `cloister token create`, as they were typed. */
export interface CreateTokenFlags {
  readonly name: string;
  readonly subject: string;
  readonly role: string;
  readonly expires?: string;
  readonly json?: boolean;
}

interface JsonFlags {
  readonly json?: boolean;
}

const ROLES = ['ADMIN', 'USER', 'VIEWER'] as const;

/** `cloister token create`: prints the secret alone to stdout, so that it can go into a file or a variable. */
export const createToken = async (config: ClientConfig, flags: CreateTokenFlags): Promise<void> => {
  const { name, subject, expires } = flags;
  const role = oneOf('--role', ROLES, flags.role);
  const expiresAt = expires === undefined ? null : moment('--expires', 'ahead', expires, Date.now());
  const connection = await connect(config);
  const { createToken: made } = await request(connection, CreateTokenDocument, {
    input: { name, subject, role, expiresAt },
  });
  if (flags.json) return printJson(made);
  await print(made.secret);
  await note(`token ${made.token.id}: the secret above is shown once`);
};

/** `cloister token list`: all tokens, the oldest first. */
export const listTokens = async (config: ClientConfig, flags: ListFlags): Promise<void> => {
  formatOf(flags);
  const { tokens } = await request(await connect(config), TokensDocument, {});
  await printList(tokens, flags, () => tokenTable(tokens, Date.now(), process.stdout.columns));
};

/** `cloister token revoke`. */
export const revokeToken = async (config: ClientConfig, id: string, flags: JsonFlags): Promise<void> => {
  const { revokeToken: revoked } = await request(await connect(config), RevokeTokenDocument, {
    input: { id },
  });
  await (flags.json ? printJson(revoked.token) : print(revoked.token.id));
};

/** `cloister token rotate-admin`: prints the new secret alone to stdout, as `token create` does. */
export const rotateAdminToken = async (config: ClientConfig): Promise<void> => {
  const { rotateAdminToken: made } = await request(await connect(config), RotateAdminTokenDocument, {});
  await print(made.secret);
  await note('the admin token in the state folder was replaced; the old one is not accepted any more');
};

const HEADER = ['ID', 'NAME', 'SUBJECT', 'ROLE', 'AGE', 'USED', 'STATE'].map((text): Cell => ({ text }));

/** @param width columns of the terminal; `undefined`: no terminal, where nothing is padded or cut */
const tokenTable = (tokens: readonly Token[], nowMs: number, width?: number): string =>
  tableLines(
    [
      HEADER,
      ...tokens.map(({ id, name, subject, role, createdAt, lastUsedAt, ...rest }): readonly Cell[] => [
        { text: id },
        { text: inert(name) },
        { text: inert(subject) },
        { text: role },
        { text: age(nowMs - Date.parse(createdAt)) },
        { text: lastUsedAt === null ? '-' : age(nowMs - Date.parse(lastUsedAt)) },
        { text: stateOf(rest, nowMs) },
      ]),
    ],
    width,
  );

const stateOf = ({ revokedAt, expiresAt }: Pick<Token, 'revokedAt' | 'expiresAt'>, nowMs: number): string => {
  if (revokedAt !== null) return 'revoked';
  if (expiresAt === null) return 'valid';
  return Date.parse(expiresAt) > nowMs ? `valid until ${expiresAt}` : 'expired';
};
