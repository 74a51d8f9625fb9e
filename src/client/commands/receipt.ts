/** The commands `cloister receipt` and `cloister verify`. */

import { createHash, type KeyObject } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { ClientConfig } from '../../config/config.ts';
import { EnvelopeError, unseal } from '../../receipts/dsse.ts';
import { KeyError, keyIdOf, parsePublicKeys } from '../../receipts/keys.ts';
import { PAYLOAD_TYPE, parseStatement, type Statement, StatementError } from '../../receipts/statement.ts';
import { keptPublicKeys } from '../../state/receipt-key.ts';
import { connect } from '../connection.ts';
import { CliError } from '../errors.ts';
import { ReceiptDocument, ReceiptKeysDocument } from '../generated/operations.ts';
import { inert } from '../inert.ts';
import { findJobId } from '../job-id.ts';
import { print, write } from '../output.ts';
import { request } from '../request.ts';
import { readTextFile } from '../text-file.ts';

/**
 * `cloister receipt`: writes the receipt of a job to a file, or to stdout.
 *
 * @throws CliError when the job has not ended, and when the file cannot be written
 */
export const receipt = async (
  config: ClientConfig,
  job: string,
  { output }: { readonly output?: string },
): Promise<void> => {
  const connection = await connect(config);
  const found = (await request(connection, ReceiptDocument, { id: await findJobId(connection, job) })).job;
  const envelope = found?.receipt?.envelope;
  if (envelope === undefined)
    throw new CliError(`expected a job that has ended, got one that is ${found?.status}`);
  if (output === undefined) return print(envelope);
  try {
    await writeFile(output, `${envelope}\n`);
  } catch (error) {
    throw new CliError(`--output: ${error instanceof Error ? error.message : error}`, 1, { cause: error });
  }
};

/** `cloister receipt key`: prints the public keys of the server as PEM, the current one first. */
export const receiptKeys = async (config: ClientConfig): Promise<void> => {
  const { receiptKeys: keys } = await request(await connect(config), ReceiptKeysDocument, {});
  for (const { keyId, publicKey, current } of keys)
    await write(process.stdout, `# ${keyId}${current ? '' : ', of earlier receipts'}\n${publicKey}`);
};

/** The flags of `cloister verify`, as they were typed. */
export interface VerifyFlags {
  readonly key?: string;
  /** `NAME=FILE` each. */
  readonly artifact?: readonly string[];
  readonly log?: readonly string[];
}

/**
 * `cloister verify`: checks a receipt, and files against its digests, without a server. Prints what was checked and what
 * was not.
 *
 * @param stateDirs of servers on this machine, whose keys are taken without `--key`
 * @returns the exit code: 0, or 1 when a file is another than the job's
 * @throws CliError for a receipt that is not valid
 */
export const verify = async (
  file: string,
  { key, artifact = [], log = [] }: VerifyFlags,
  stateDirs: readonly string[],
): Promise<number> => {
  const given = [
    ...artifact.map((value) => named('--artifact', 'artifact', value)),
    ...log.map((value) => named('--log', 'log', value)),
  ];
  const source = file === '-' ? 'stdin' : file;
  const envelope = file === '-' ? await text(process.stdin) : await readTextFile('file', file);
  const { keys, from } = await trusted(key, stateDirs);
  const { statement, keyId } = opened(source, envelope, keys);
  await print(`signature: valid, by key ${keyId} of ${from}\n${about(statement)}`);
  let code = 0;
  for (const { name, digest } of statement.subject) {
    const own = given.filter((each) => each.name === name);
    if (own.length === 0) await print(`${inert(name)}: not checked, SHA-256 ${digest.sha256}`);
    for (const { path } of own) {
      const found = await digestOf(path);
      const isSame = found === digest.sha256;
      if (!isSame) code = 1;
      await print(
        `${inert(name)}: ${inert(path)} ${isSame ? 'is what the receipt says' : `is something else: expected SHA-256 ${digest.sha256}, got ${found}`}`,
      );
    }
  }
  for (const { flag, name } of given)
    if (!statement.subject.some((subject) => subject.name === name))
      throw new CliError(
        `${flag}: expected one of ${statement.subject.map((subject) => inert(subject.name)).join(', ')}, got ${inert(name)}`,
      );
  await print('It is what the server that has this key observed, and no more: see docs/receipts.md.');
  return code;
};

/** A flag `NAME=FILE`, and the subject that it is about. */
const named = (flag: string, kind: 'artifact' | 'log', value: string) => {
  const at = value.lastIndexOf('=');
  const [name, path] = [value.slice(0, Math.max(0, at)), value.slice(at + 1)];
  if (name === '' || path === '')
    throw new CliError(`${flag}: expected NAME=FILE, got ${JSON.stringify(value)}`);
  return { flag, name: `${kind}/${kind === 'log' ? name.toLowerCase() : name}`, path };
};

const trusted = async (
  file: string | undefined,
  stateDirs: readonly string[],
): Promise<{ readonly keys: readonly KeyObject[]; readonly from: string }> => {
  if (file === undefined) {
    const keys = stateDirs.flatMap((folder) => keptPublicKeys(folder));
    if (keys.length > 0) return { keys, from: 'the server of this machine' };
    throw new CliError(
      'expected --key: a file with what "cloister receipt key" prints at the server that you trust',
    );
  }
  const pem = await readTextFile('--key', file);
  try {
    return { keys: parsePublicKeys(pem), from: inert(file) };
  } catch (error) {
    throw error instanceof KeyError ? new CliError(`--key: ${error.message}`, 1, { cause: error }) : error;
  }
};

const opened = (
  source: string,
  envelope: string,
  keys: readonly KeyObject[],
): { readonly statement: Statement; readonly keyId: string } => {
  try {
    const { payload, key } = unseal(envelope, PAYLOAD_TYPE, keys);
    return { statement: parseStatement(payload), keyId: keyIdOf(key) };
  } catch (error) {
    if (error instanceof EnvelopeError || error instanceof StatementError)
      throw new CliError(`${inert(source)}: ${inert(error.message)}`, 1, { cause: error });
    throw error;
  }
};

/** What the receipt says, in a few lines for people. */
const about = ({ predicate: { job, spec, result, times, log, isolation } }: Statement): string => {
  const { status, exitCode, signal, limitsHit } = result;
  const end = exitCode === null ? (signal === null ? '' : `, ${signal}`) : `, exit code ${exitCode}`;
  const image = `image ${spec.image.name}${spec.image.digest === null ? '' : ` (${spec.image.digest})`}`;
  const missing = [
    ...(log.droppedBytes > 0 ? [`${log.droppedBytes} bytes were not kept`] : []),
    ...(log.damagedBytes > 0 ? [`${log.damagedBytes} bytes of it are damaged`] : []),
  ];
  return [
    `job: ${job.id} of ${job.owner}, ${image}: ${status}${end}`,
    `time: ${times.startedAt ?? 'never started'} to ${times.finishedAt}`,
    `limits reached: ${limitsHit.length === 0 ? 'none' : limitsHit.map((hit) => ('message' in hit ? hit.message : '')).join('; ')}`,
    `isolation: ${isolation === null ? 'not recorded' : 'recorded, as the kernel reported it'}`,
    ...(log.complete ? [] : [`log: incomplete, ${missing.join(', ')}`]),
  ]
    .map(inert)
    .join('\n');
};

const digestOf = async (path: string): Promise<string> => {
  const hash = createHash('sha256');
  const stream: Readable = path === '-' ? process.stdin : createReadStream(path);
  try {
    for await (const piece of stream) hash.update(piece as Buffer);
  } catch (error) {
    throw new CliError(`${inert(path)}: ${error instanceof Error ? error.message : error}`, 1, {
      cause: error,
    });
  }
  return hash.digest('hex');
};
