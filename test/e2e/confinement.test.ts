import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestServer } from '../support/server.ts';

const PROJECT = join(import.meta.dirname, '..', '..');
const EXAMPLE = join(PROJECT, 'examples', 'confinement.sh');

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
});

afterAll(() => server.dispose());

/** What depends on the machine: which files there are, the range of ids, how fast it is. */
const VARIES = /^(user|processes|masked|up):/;
/** What only a machine with the controllers has. */
const LIMITS = /^(cpu|memory|memory\.swap|pids)\.max:/;

const parse = (text: string): Map<string, string> =>
  new Map(
    text
      .trim()
      .split('\n')
      .map((line) => [line.slice(0, 17).trim(), line.slice(17)] as const),
  );

it('prints what the README shows', () => {
  const env = { ...process.env, CLOISTER_URL: server.url, CLOISTER_STATE_DIR: server.stateDir };
  const out = execFileSync(join(PROJECT, 'bin', 'cloister'), ['run', readFileSync(EXAMPLE, 'utf8')], {
    env,
    encoding: 'utf8',
  });
  const readme = readFileSync(join(PROJECT, 'README.md'), 'utf8');
  const shown = /```console\n\$ bin\/cloister run "\$\(cat examples\/confinement\.sh\)"\n([^`]*)```/.exec(
    readme,
  )?.[1];
  if (shown === undefined) throw new Error('the README does not show it');
  const [seen, expected] = [parse(out), parse(shown)];
  for (const [name, value] of expected) {
    if (VARIES.test(name) || (LIMITS.test(name) && !seen.has(name))) continue;
    expect([name, seen.get(name)]).toEqual([name, value]);
  }
  expect(seen.get('user:')).toMatch(/^0 of the cell, \d{6,} on the host$/);
  expect(seen.get('masked:')).toContain('kallsyms');
  for (const name of seen.keys()) expect([...expected.keys()]).toContain(name);
});
