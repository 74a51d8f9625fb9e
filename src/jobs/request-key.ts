/** The idempotency key of a submission. */

import { createHash } from 'node:crypto';
import { withoutUnit } from '../units.ts';
import { badInput } from './errors.ts';
import type { SubmitRequest } from './service.ts';
import type { RequestKey } from './store.ts';

const LONGEST_KEY = 256;

/**
 * The key under which a request is stored, and a digest that distinguishes it from others with that key. The digest is
 * of the request before defaults are filled in: those of the server may change between two attempts.
 *
 * @throws ClientError for an empty or long key, or one with a NUL byte
 */
export const requestKey = ({ idempotencyKey: key, ...request }: SubmitRequest): RequestKey | undefined => {
  if (key === undefined) return undefined;
  const bytes = Buffer.byteLength(key);
  if (bytes < 1 || bytes > LONGEST_KEY || key.includes('\0') || !key.isWellFormed())
    throw badInput(
      'input.idempotencyKey',
      `from 1 to ${LONGEST_KEY} bytes of text without NUL and unpaired surrogates`,
      key,
    );
  return {
    key,
    digest: createHash('sha256')
      .update(canonical(withoutValues(request)))
      .digest('hex'),
  };
};

/** A digest of a short secret could be guessed: only the name of a secret, and that it is one, are included. */
const withoutValues = ({ env, ...request }: SubmitRequest): SubmitRequest =>
  env === undefined
    ? request
    : { ...request, env: env.map((variable) => (variable.secret ? { ...variable, value: '' } : variable)) };

/** JSON of the request as the client wrote it, in which the order of fields makes no difference. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, function (this: Readonly<Record<string, unknown>>, name, part: unknown) {
    // By now toJSON() has turned a Buffer into an object.
    const bytes = this[name];
    if (bytes instanceof Uint8Array) return { base64: Buffer.from(bytes).toString('base64') };
    return typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(
          Object.entries(part)
            .map(([field, content]): [string, unknown] => [withoutUnit(field), content])
            .sort(([left], [right]) => (left < right ? -1 : 1)),
        )
      : part;
  });
