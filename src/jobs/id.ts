/** The ids of jobs. */

import { randomBytes } from 'node:crypto';

let last = 0n;

const RANDOM_BYTES = 10;
/** Of some ids at once, since to ask the kernel takes as long for few bytes as for many. No byte is used twice. */
let random = Buffer.alloc(0);

const nextRandom = (): Buffer => {
  if (random.length === 0) random = randomBytes(64 * RANDOM_BYTES);
  const next = random.subarray(0, RANDOM_BYTES);
  random = random.subarray(RANDOM_BYTES);
  return next;
};

/**
 * A new id: a UUIDv7 (RFC 9562 section 5.7). Ids of one process increase strictly, also when the clock stops or is set
 * back: then the 12 bits after the millisecond are a counter (section 6.2, method 1).
 */
export const newJobId = (): string => {
  const own = nextRandom();
  const fresh = (BigInt(Date.now()) << 12n) | BigInt(own.readUInt16BE(0) & 0x7ff);
  last = fresh > last ? fresh : last + 1n;
  const time = (last >> 12n).toString(16).padStart(12, '0');
  const count = (0x7000n | (last & 0xfffn)).toString(16);
  const variant = ((own.readUInt16BE(2) & 0x3fff) | 0x8000).toString(16);
  return `${time.slice(0, 8)}-${time.slice(8)}-${count}-${variant}-${own.toString('hex', 4)}`;
};

const JOB_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** Whether a text is a UUIDv7 as `newJobId` writes it: in lower case. It need not be the id of any job. */
export const isJobId = (text: string): boolean => JOB_ID.test(text);
