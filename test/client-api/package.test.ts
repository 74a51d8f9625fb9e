/** The package as others get it: `npm pack`, unpacked into the node_modules of a project of theirs. */

import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { PROJECT } from '../docs/documents.ts';

const run = promisify(execFile);
let project: string;

beforeAll(async () => {
  project = mkdtempSync(join(tmpdir(), 'cloister-package-'));
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', project], { cwd: PROJECT });
  const packed: unknown = JSON.parse(stdout);
  const [{ filename } = { filename: '' }] = (
    Array.isArray(packed) ? packed : Object.values(packed as object)
  ) as { filename: string }[];
  const modules = join(project, 'node_modules');
  mkdirSync(join(modules, 'cloister'), { recursive: true });
  await run('tar', [
    '-xzf',
    join(project, filename),
    '-C',
    join(modules, 'cloister'),
    '--strip-components=1',
  ]);
  for (const name of ['graphql', 'graphql-ws'])
    symlinkSync(join(PROJECT, 'node_modules', name), join(modules, name));
  writeFileSync(join(project, 'package.json'), '{ "type": "module" }');
  return () => rmSync(project, { recursive: true });
});

describe('the package', () => {
  it('is imported by Node.js, where it runs as it is', async () => {
    writeFileSync(
      join(project, 'use.js'),
      `import { createClient, scalars } from 'cloister/client';
import { overWebSocket } from 'cloister/client/web-socket';
console.log(typeof createClient({ url: 'http://127.0.0.1:1/graphql' }).logs, typeof overWebSocket(), scalars.Base64.input);`,
    );
    const { stdout, stderr } = await run(process.execPath, ['use.js'], { cwd: project });
    expect({ stdout, stderr }).toEqual({ stdout: 'function function string\n', stderr: '' });
  });

  it('has types', async () => {
    writeFileSync(
      join(project, 'use.ts'),
      `import { createClient, type LogBatch } from 'cloister/client';
import { overWebSocket } from 'cloister/client/web-socket';
const client = createClient({ url: 'http://127.0.0.1:1/graphql', token: 'x', transport: overWebSocket() });
export const first = async (): Promise<LogBatch | undefined> => {
  for await (const batch of client.logs('id', { tail: 3 })) return batch;
  return undefined;
};
// @ts-expect-error: there is no such option
client.logs('id', { tale: 3 });`,
    );
    const flags = [
      '--noEmit',
      '--strict',
      '--target',
      'es2024',
      '--module',
      'nodenext',
      '--types',
      '',
      'use.ts',
    ];
    const tsc = join(PROJECT, 'node_modules', '.bin', 'tsc');
    const result = await run(tsc, ['--lib', 'es2024,dom', ...flags], { cwd: project }).catch(
      (error: unknown) => error,
    );
    expect(result).toMatchObject({ stdout: '' });
  });
});
