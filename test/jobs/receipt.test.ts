/** What a receipt says: its form is what programs of others read. */

import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { textOfBytes } from '../../src/byte-text.ts';
import { artifactsOf } from '../../src/jobs/artifact.ts';
import type { EnvVar, FinalState, Job, WholeSpec } from '../../src/jobs/job.ts';
import { receiptStatement } from '../../src/jobs/receipt.ts';
import { encodeStatement, parseStatement, StatementError } from '../../src/receipts/statement.ts';
import type { LogDigests } from '../../src/runtime/log/page.ts';
import { at, makeJob, usage } from '../store/fixture.ts';

const digest = (letter: string) => ({ bytes: 7, sha256: letter.repeat(64) });
const LOG: LogDigests = {
  STDOUT: digest('a'),
  STDERR: digest('b'),
  TERMINAL: digest('c'),
  droppedBytes: 0,
  damagedBytes: 0,
};
const HIT = {
  limit: 'memory',
  value: 4096,
  peak: 4096,
  unit: 'bytes',
  ended: true,
  evidence: [{ file: 'memory.events', key: 'oom_kill', value: 1 }],
  message: 'it reached its limit of memory',
} as const;
const COMPLETED: FinalState = {
  status: 'COMPLETED',
  startedAt: at(10),
  finishedAt: at(20),
  termination: { kind: 'exited', code: 3 },
  usage,
  hits: [HIT],
  output: { keptBytes: 14, droppedBytes: 0 },
  input: null,
  artifacts: [],
};
const ID = '01a22347-354f-7214-ab23-00f646e51660';

const statement = (
  spec: Partial<WholeSpec> = {},
  state: FinalState = COMPLETED,
  more: { env?: null; stdinSha256?: string; log?: Partial<LogDigests> } = {},
) => {
  const job = makeJob(spec, { id: ID, state }) as Job & { state: FinalState } & ReturnType<typeof makeJob>;
  return receiptStatement({
    version: '1.2.3',
    job,
    command: job.spec.command,
    env: more.env === null ? null : job.spec.env,
    artifacts:
      more.env === null ? null : artifactsOf(job.spec.artifacts, 'artifacts' in state ? state.artifacts : []),
    stdinSha256: more.stdinSha256 ?? null,
    isolation: null,
    log: { ...LOG, ...more.log },
  });
};

describe('a receipt', () => {
  it('has this form', () => {
    const env: EnvVar[] = [
      { name: 'A', value: '1' },
      { name: 'KEY', value: '', secret: true },
      { name: 'B', value: '2\n' },
    ];
    expect(statement({ env, name: 'build' })).toEqual({
      _type: 'https://in-toto.io/Statement/v1',
      subject: [
        { name: 'log/stdout', digest: { sha256: 'a'.repeat(64) } },
        { name: 'log/stderr', digest: { sha256: 'b'.repeat(64) } },
      ],
      predicateType: 'urn:cloister:job-receipt:v1',
      predicate: {
        server: { version: '1.2.3' },
        job: { id: ID, owner: 'admin', name: 'build', attempt: 1, retryOf: null, execOf: null },
        spec: {
          command: 'true',
          image: { name: 'alpine', digest: 'sha256:00' },
          env: {
            variables: [
              { name: 'A', secret: false },
              { name: 'KEY', secret: true },
              { name: 'B', secret: false },
            ],
            // printf 'A=1\0B=2\n\0' | sha256sum
            digest: { sha256: 'e8e1de531872655ea6827f5cfbd73d4f467db882253c51806575f6f677ab07db' },
          },
          workdir: null,
          user: null,
          hostname: null,
          stdinBytes: null,
          stdinDigest: null,
          files: [],
          openStdin: false,
          terminal: null,
          network: 'NONE',
          capabilities: 'NONE',
          limits: {
            cpus: 1,
            cpuWeight: null,
            cpuset: null,
            cpuTimeMs: null,
            memoryBytes: 4096,
            memoryHighBytes: null,
            swapBytes: 0,
            pids: 10,
            diskBytes: 4096,
            inodes: null,
            io: [],
            timeoutMs: 1000,
            outputBytes: 1000,
            outputPolicy: 'KILL',
          },
        },
        isolation: null,
        result: {
          status: 'COMPLETED',
          exitCode: 3,
          signal: null,
          limitExceeded: null,
          error: null,
          limitsHit: [HIT],
          input: null,
        },
        artifacts: [],
        times: {
          createdAt: '2023-11-14T22:13:20.000Z',
          startedAt: '2023-11-14T22:13:20.010Z',
          finishedAt: '2023-11-14T22:13:20.020Z',
        },
        log: {
          streams: { stdout: { bytes: 7 }, stderr: { bytes: 7 } },
          complete: true,
          droppedBytes: 0,
          damagedBytes: 0,
        },
      },
    });
  });

  it('has the stream of a terminal in place of the others', () => {
    const { subject, predicate } = statement({ terminal: { rows: 24, columns: 80 } });
    expect(subject).toEqual([{ name: 'log/terminal', digest: { sha256: 'c'.repeat(64) } }]);
    expect(predicate.log.streams).toEqual({ terminal: { bytes: 7 } });
  });

  it('has the digests of artifacts, and why others were not kept', () => {
    const ask = (path: string, name: string | null = null) => ({ path, name, optional: false });
    const kept = { mode: 0o644, sizeBytes: 5, sha256: 'd'.repeat(64), entries: 0, skipped: 0 };
    const artifacts = [
      { ...kept, kind: 'FILE' },
      { error: 'MISSING' },
      { ...kept, kind: 'ARCHIVE', entries: 3, skipped: 1 },
    ] as const;
    const asked = { artifacts: [ask('/out/a.out', 'program'), ask('/gone'), ask('/out')] };
    const { subject, predicate } = statement(asked, { ...COMPLETED, artifacts });
    expect(subject.slice(2)).toEqual([
      { name: 'artifact/program', digest: { sha256: 'd'.repeat(64) } },
      { name: 'artifact/out.tar', digest: { sha256: 'd'.repeat(64) } },
    ]);
    expect(predicate.artifacts).toEqual([
      { name: 'program', path: '/out/a.out', kind: 'FILE', bytes: 5, skipped: 0 },
      { name: 'gone', path: '/gone', error: 'MISSING' },
      { name: 'out.tar', path: '/out', kind: 'ARCHIVE', bytes: 5, skipped: 1 },
    ]);
    // For a link that shares a job.
    const shared = statement(asked, { ...COMPLETED, artifacts }, { env: null });
    expect(shared.subject).toHaveLength(2);
    expect(shared.predicate.artifacts).toBeNull();
  });

  it('has the digests of the files that the job was given', () => {
    const given = { path: '/in/data', sha256: 'e'.repeat(64), sizeBytes: 9, mode: 0o644, inline: false };
    const { predicate } = statement({ files: [given] });
    expect(predicate.spec.files).toEqual([
      { path: '/in/data', sha256: 'e'.repeat(64), bytes: 9, mode: '0644' },
    ]);
    expect(statement({ files: [given] }, COMPLETED, { env: null }).predicate.spec.files).toBeNull();
  });

  it('has digests of what was read from standard input, but for those who may not see the job', () => {
    const state = { ...COMPLETED, input: { bytes: 3, sha256: 'e'.repeat(64) } };
    const given = { stdinBytes: 5, openStdin: true };
    const whole = statement(given, state, { stdinSha256: 'f'.repeat(64) }).predicate;
    expect(whole.spec).toMatchObject({ stdinBytes: 5, stdinDigest: { sha256: 'f'.repeat(64) } });
    expect(whole.result.input).toEqual({ bytes: 3, digest: { sha256: 'e'.repeat(64) } });
    const shared = statement(given, state, { env: null }).predicate;
    expect(shared.spec.stdinDigest).toBeNull();
    expect(shared.result.input).toBeNull();
  });

  it('says of a log that it is not all that the job wrote', () => {
    expect(statement({}, COMPLETED, { log: { droppedBytes: 5 } }).predicate.log).toMatchObject({
      complete: false,
      droppedBytes: 5,
    });
    expect(statement({}, COMPLETED, { log: { damagedBytes: 3 } }).predicate.log).toMatchObject({
      complete: false,
      damagedBytes: 3,
    });
  });

  it('says how a job ended in other ways', () => {
    const killed = { ...COMPLETED, status: 'LIMIT_EXCEEDED', limit: 'MEMORY', error: 'too much' } as const;
    expect(
      statement({}, { ...killed, termination: { kind: 'signaled', signal: 'SIGKILL' } }).predicate.result,
    ).toMatchObject({
      status: 'LIMIT_EXCEEDED',
      exitCode: null,
      signal: 'SIGKILL',
      limitExceeded: 'MEMORY',
      error: 'too much',
    });
    const failed = statement({}, { status: 'FAILED', finishedAt: at(5), error: 'no such file' });
    expect(failed.predicate.result).toMatchObject({ status: 'FAILED', error: 'no such file', limitsHit: [] });
    expect(failed.predicate.times.startedAt).toBeNull();
  });

  it('has texts that are not UTF-8 in base64', () => {
    const argument = textOfBytes(Buffer.from([0x61, 0xff]));
    const { spec } = statement({ command: { kind: 'argv', argv: ['echo', argument] } }).predicate;
    expect(spec.argv).toEqual(['echo', { base64: 'Yf8=' }]);
    expect(spec).not.toHaveProperty('command');
  });

  it('has nothing of a secret but its name, and no environment for those who may not see it', () => {
    const secret = (value: string): EnvVar => ({ name: 'KEY', value, secret: true });
    // As a job has it in the moment of its start.
    const one = statement({ env: [secret('hunter2')] });
    expect(JSON.stringify(one)).not.toContain('hunter2');
    expect(one).toEqual(statement({ env: [secret('other')] }));
    expect(one.predicate.spec.env?.digest.sha256).toBe(createHash('sha256').digest('hex'));
    expect(statement({ env: [secret('')] }, COMPLETED, { env: null }).predicate.spec.env).toBeNull();
  });
});

describe('a statement', () => {
  it('is read as it was written', () => {
    const written = statement();
    expect(parseStatement(encodeStatement(written))).toEqual(written);
  });

  it.each([
    ['no JSON', 'hello', 'payload: expected JSON'],
    ['nothing', 'null', '_type: expected https://in-toto.io/Statement/v1, got nothing'],
    ['another version', '{"_type":"https://in-toto.io/Statement/v0.1"}', '_type: expected'],
    [
      'another predicate',
      '{"_type":"https://in-toto.io/Statement/v1","predicateType":"https://slsa.dev/provenance/v1"}',
      'predicateType: expected urn:cloister:job-receipt:v1, got "https://slsa.dev/provenance/v1"',
    ],
  ])('is refused: %s', (_what, text, message) => {
    expect(() => parseStatement(Buffer.from(text))).toThrow(message);
  });

  it('is refused without what is verified', () => {
    const { subject: _, ...noSubject } = statement();
    for (const bad of [
      noSubject,
      { ...statement(), subject: [null] },
      { ...statement(), subject: [{ name: 'x', digest: { sha256: 'A'.repeat(64) } }] },
      { ...statement(), predicate: {} },
      { ...statement(), predicate: { job: { id: 'x' } } },
    ])
      expect(() => parseStatement(Buffer.from(JSON.stringify(bad)))).toThrow(StatementError);
  });
});
