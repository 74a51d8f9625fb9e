/** The lines of the server's log. */

import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { LogLevel } from '../../src/log.ts';
import { logTo, prettyLine } from '../../src/telemetry/server-log.ts';

const written = (level: LogLevel) => {
  const lines: string[] = [];
  return { lines, log: logTo({ write: (line) => lines.push(line) }, level) };
};

describe('a line', () => {
  it('is JSON with the time, the level, the message and the fields, and nothing else', () => {
    const { lines, log } = written('info');
    log('the job is lost', { level: 'warn', jobId: 'j', subject: 'alice' });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^[^\n]*\n$/);
    expect(JSON.parse(lines[0] ?? '')).toEqual({
      level: 'warn',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      msg: 'the job is lost',
      jobId: 'j',
      subject: 'alice',
    });
  });

  it('is one line, whatever the message has', () => {
    const { lines, log } = written('info');
    log('Error: x\n    at y\u2028');
    expect(lines.join('').split('\n')).toHaveLength(2);
  });

  it('is written from its level on, which is info by default', () => {
    const { lines, log } = written('warn');
    log('no');
    log('no', { level: 'info' });
    log('yes', { level: 'warn' });
    log('yes', { level: 'error' });
    expect(lines.map((line) => JSON.parse(line).msg)).toEqual(['yes', 'yes']);
  });

  it('never holds what a field for secrets was given', () => {
    const { lines, log } = written('debug');
    for (const name of ['authorization', 'token', 'secret', 'password', 'stdin', 'env'])
      log('x', { [name]: 'planted' });
    expect(lines).toHaveLength(6);
    expect(lines.join('')).not.toContain('planted');
  });
});

describe('a line for people', () => {
  it('has the message first and the fields after it', () => {
    const { lines, log } = written('info');
    log('the job is lost', { level: 'warn', jobId: 'j', input: 'a b' });
    const line = stripVTControlCharacters(prettyLine(lines[0] ?? ''));
    expect(line).toMatch(/^\d\d:\d\d:\d\d\.\d{3} WARN {2}the job is lost jobId=j input="a b"\n$/);
  });

  it('keeps the lines of a stack, and has no other control characters', () => {
    const { lines, log } = written('info');
    log('Error: x\n    at y\u001b[2J\u0007');
    const line = stripVTControlCharacters(prettyLine(lines[0] ?? ''));
    expect(line).toContain('Error: x\n    at y [2J ');
    expect(line).not.toContain('\u0007');
  });
});
