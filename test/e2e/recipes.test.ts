/** The programs of docs/clients.md, as a reader would copy them, while the server is killed and started again. */

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { scalars } from '../../src/client-api/index.js';
import { codeBlocks, PROJECT, readDocument } from '../docs/documents.ts';
import { freePort } from '../support/free-port.ts';
import { TestServer } from '../support/server.ts';

const RECIPES = codeBlocks(readDocument('docs/clients.md')).map((block) => ({
  ...block,
  name: /^client: (\S+)$/.exec(block.note)?.[1] ?? '',
}));
const PROGRAMS = RECIPES.filter(({ name }) => name !== 'codegen');

/** What the job writes before and after the server is killed. */
const BEFORE = '1\n2\n';
const AFTER = '3\n4\n';
const COMMAND = `trap 'go=1' USR1; echo 1; echo 2; until [ -n "$go" ]; do sleep 0.1; done; echo 3; echo 4`;

/** Of the system, or made by "make test-setup". */
const PYTHON = join(PROJECT, '.tools', 'python', 'bin', 'python');

const works = (program: string, ...parameters: string[]): boolean => {
  try {
    execFileSync(program, parameters, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

const python = [PYTHON, 'python3'].find((program) => works(program, '-c', 'import gql.transport.websockets'));

/** Why a program cannot run here, or undefined. */
const missing: Readonly<Record<string, string | undefined>> = {
  python:
    python === undefined
      ? 'python3 has no package gql, and "make test-setup" could not install it'
      : undefined,
};

interface Running {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly ended: Promise<{ code: number | null; output: string; errors: string }>;
}

let folder: string;
let server: TestServer;
const running = new Map<string, Running>();

const start = (name: string, language: string, text: string, env: NodeJS.ProcessEnv): Running => {
  const file = join(folder, `${name}.${{ js: 'mjs', python: 'py', go: 'go', sh: 'sh' }[language]}`);
  writeFileSync(file, text);
  const [program, ...parameters] = {
    js: [process.execPath, file],
    python: [python ?? 'python3', file],
    go: ['go', 'run', file],
    sh: ['bash', file],
  }[language] ?? [''];
  const child = spawn(program ?? '', parameters, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk;
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    errors += chunk;
  });
  const ended = new Promise<{ code: number | null; output: string; errors: string }>((resolve) => {
    child.once('close', (code) => resolve({ code, output, errors }));
  });
  return { child, output: () => output + errors, ended };
};

beforeAll(async () => {
  // Below the project, where programs find its packages, and the package that it is itself.
  mkdirSync(join(PROJECT, '.cache'), { recursive: true });
  folder = mkdtempSync(join(PROJECT, '.cache', 'recipes-'));
  server = await TestServer.start('--listen', `127.0.0.1:${await freePort()}`);
  const jobId = await server.submit({ command: COMMAND });
  const env = { CLOISTER_URL: server.url, CLOISTER_TOKEN: server.token, JOB_ID: jobId };
  for (const { name, language, text } of PROGRAMS)
    if (missing[name] === undefined) running.set(name, start(name, language, text, env));
  // All follow the same job, so that the server has to be killed only once.
  for (const [name, { output }] of running)
    await vi.waitFor(() => expect({ name, output: output() }).toEqual({ name, output: BEFORE }), {
      timeout: 250_000,
      interval: 100,
    });
  await server.end('SIGKILL');
  await server.boot();
  await server.signal(jobId, 'SIGUSR1');
}, 600_000);

afterAll(async () => {
  for (const { child } of running.values()) child.kill('SIGKILL');
  await server?.dispose();
  rmSync(folder, { recursive: true });
});

describe('docs/clients.md', () => {
  it('names each program', () => {
    expect(RECIPES.map(({ name }) => name)).toEqual([
      'cloister',
      'apollo',
      'urql',
      'relay',
      'graphql-request',
      'graphql-sse',
      'graphql-ws',
      'python',
      'go',
      'curl',
      'codegen',
    ]);
  });

  it.for(PROGRAMS)(
    '$name follows a log to its end over a server that is killed',
    async ({ name }, { skip }) => {
      const reason = missing[name];
      if (reason !== undefined) {
        process.stderr.write(`docs/clients.md, ${name}: not run, ${reason}\n`);
        skip(reason);
      }
      expect(await running.get(name)?.ended).toEqual({ code: 0, output: BEFORE + AFTER, errors: '' });
    },
  );

  it('has a configuration for code generators, with the scalars', async () => {
    const text = RECIPES.find(({ name }) => name === 'codegen')?.text ?? '';
    const file = join(folder, 'codegen.mjs');
    writeFileSync(file, text);
    const { default: config } = (await import(file)) as {
      default: { generates: Record<string, { config: object }> };
    };
    expect(config.generates['src/generated.ts']?.config).toMatchObject({ scalars });
    const rows = readDocument('docs/clients.md').matchAll(/^\| `(\w+)` \| `([^`]+)` \| `([^`]+)` \|/gm);
    const documented = [...rows].map(([, scalar, input, output]) => [
      scalar,
      { input: input?.replaceAll('\\', ''), output },
    ]);
    const { ID: _, ...custom } = scalars;
    expect(Object.fromEntries(documented)).toEqual(custom);
  });
});
