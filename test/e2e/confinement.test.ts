// The README shows what a job sees of its confinement: a job of a real server prints the same.
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

/** Numbers that differ from job to job: the range of ids, how many processes the shell has at that moment, the time. */
const VARYING = [
  /^(user: +0 of the cell, )\d{10}(?= on the host$)/m,
  /^(processes: +)[3-5](?= to be seen, )/m,
  /^(up: +144)\d{2}(?= s$)/m,
];

const withoutNumbers = (text: string): string =>
  VARYING.reduce((rest, pattern) => rest.replace(pattern, '$1N'), text);

/** The controller of cgroup v2 that a line comes from; undefined for other lines. */
const controllerOf = (line: string): string | undefined => /^(cpu|memory|pids)\./.exec(line)?.[1];

it('prints what the README shows', async () => {
  const env = { ...process.env, CLOISTER_URL: server.url, CLOISTER_STATE_DIR: server.stateDir };
  const printed = execFileSync(join(PROJECT, 'bin', 'cloister'), ['run', readFileSync(EXAMPLE, 'utf8')], {
    env,
    encoding: 'utf8',
  });
  const readme = readFileSync(join(PROJECT, 'README.md'), 'utf8');
  const shown = /```console\n\$ bin\/cloister run "\$\(cat examples\/confinement\.sh\)"\n([^`]*)```/.exec(
    readme,
  )?.[1];
  if (shown === undefined) throw new Error('the README does not show it');
  const { server: machine } = await server.query<{ server: { cgroup: { controllers: string[] } } }>(
    '{ server { cgroup { controllers } } }',
  );
  // The README's machine has every controller. If the server has a controller, its files can be read.
  const present = (line: string): boolean => {
    const controller = controllerOf(line);
    return controller === undefined || machine.cgroup.controllers.includes(controller);
  };
  const expected = shown.split('\n').filter(present).join('\n');
  expect(withoutNumbers(printed)).toBe(withoutNumbers(expected));
});
