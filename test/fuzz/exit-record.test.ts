/** Random exit records. */

import { describe, expect } from 'vitest';
import { type ExitRecord, parseExitRecord } from '../../src/runtime/protocol/exit-record.ts';
import { mutate, pick, type Random, some } from '../support/random.ts';
import { fuzz } from './fuzz.ts';

const NUMBERS = ['0', '1', '4096', '1700000000000000000', '9223372036854775807'] as const;
const TEXTS = ['', 'execute', '/bin/nosuch', 'usage_usec 5\nuser_usec 3\n', 'ä€😀', '%s'] as const;

/** A record as `record_write` of `launcher/record.c` writes one. */
const randomRecord = (random: Random): Buffer => {
  const number = (): string => pick(random, NUMBERS);
  const text = (): string => pick(random, TEXTS);
  const tokens = ['cell-exit', '1', 'executed', pick(random, ['0', '1'])];
  for (const name of ['started', 'finished', 'duration']) tokens.push(name, number());
  tokens.push('cause', pick(random, ['none', 'time', 'output', 'stop']));
  tokens.push('termination', pick(random, ['none', 'exited', 'signaled']), String(random(256)));
  if (random(3) === 0) tokens.push('failure', text(), String(random(134)), '0', text(), text());
  tokens.push('kept', number(), 'dropped', number());
  if (random(3) === 0) tokens.push('input', number(), 'e'.repeat(64));
  tokens.push(...some(random, 4, () => ['file', text(), text()]).flat());
  if (random(3) === 0) tokens.push('note', text());
  return Buffer.from([...tokens, 'end', ''].join('\0'));
};

/** The record, or what is thrown for it. */
const read = (data: Buffer): ExitRecord | unknown => {
  try {
    return parseExitRecord(data);
  } catch (error) {
    return error;
  }
};

describe('an exit record', () => {
  fuzz('that is cut is refused', 100, (random) => {
    const data = randomRecord(random);
    expect(read(data)).not.toBeInstanceOf(Error);
    for (let length = 0; length < data.length; length++)
      expect(read(data.subarray(0, length)), `${length} bytes`).toBeInstanceOf(Error);
  });

  fuzz('that was changed is refused with a reason, or says only what a record can say', 10_000, (random) => {
    const record = read(mutate(random, randomRecord(random)));
    if (record instanceof Error) {
      expect(record.message).toMatch(/^exit record: /);
      return;
    }
    const {
      startedNs: started,
      finishedNs: finished,
      durationNs: duration,
      cause,
      keptBytes: kept,
      droppedBytes: dropped,
      termination,
      failure,
    } = record as ExitRecord;
    expect(['none', 'time', 'output', 'stop']).toContain(cause);
    for (const number of [started, finished, duration, kept, dropped]) expect(Number(number)).not.toBeNaN();
    if (termination?.kind === 'exited') expect(Number.isInteger(termination.code)).toBe(true);
    if (termination?.kind === 'signaled')
      expect(termination.signal).toMatch(/^SIG(?:[A-Z0-9]+|RTMIN\+[0-9]+)$/);
    if (failure !== null) expect(Number.isInteger(failure.errno)).toBe(true);
  });
});
