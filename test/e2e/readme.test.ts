/** Every shell command of the documents is run against a real server, as a reader would type it. */

import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CodeBlock, codeBlocks, PROJECT, readDocument } from '../docs/documents.ts';
import { TestServer } from '../support/server.ts';

let server: TestServer;
let folder: string;
let limited: boolean;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cloister-readme-'));
  server = await TestServer.start();
  // A checkout with a server that was started by "make run", as far as a client sees it.
  mkdirSync(join(folder, 'bin'));
  symlinkSync(join(PROJECT, 'bin', 'cloister'), join(folder, 'bin', 'cloister'));
  symlinkSync(server.stateDir, join(folder, '.state'));
  symlinkSync(join(PROJECT, 'examples'), join(folder, 'examples'));
  const { server: info } = await server.query<{ server: { cgroup: { controllers: string[] } } }>(
    '{ server { cgroup { controllers } } }',
  );
  limited = ['cpu', 'memory'].every((name) => info.cgroup.controllers.includes(name));
});

afterAll(async () => {
  await server.dispose();
  rmSync(folder, { recursive: true });
});

// A reader takes longer to type the next command than a job takes to start.
const SETTLE = `settle() {
  until bin/cloister status "$id" | grep -qv '^Status: QUEUED'; do :; done
}`;

const script = (text: string): string => {
  const lines = text
    .replaceAll('http://127.0.0.1:8080/graphql', server.url)
    .split('\n')
    .map((line) => (/^id=.*submit/.test(line) ? `${line}\nsettle` : line));
  // What reads standard input would wait for the test to write some.
  return `set -euo pipefail; exec </dev/null\n${SETTLE}\n${lines.join('\n')}`;
};

interface Result {
  readonly code: number;
  readonly output: string;
}

const run = async (block: CodeBlock, before = ''): Promise<Result> => {
  const options = {
    cwd: folder,
    env: { ...process.env, CLOISTER_URL: server.url, CLOISTER_STATE_DIR: server.stateDir },
  };
  try {
    const { stdout, stderr } = await promisify(execFile)(
      'bash',
      ['-c', `${before}\n${script(block.text)}`],
      options,
    );
    return { code: 0, output: stdout + stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, output: `${stdout}${stderr}` };
  }
};

describe.each(['README.md', 'docs/operations.md'])('the commands of %s', (path) => {
  const blocks = codeBlocks(readDocument(path)).filter(({ language }) => language === 'sh');

  it('are all run, or marked with a reason', () => {
    expect(blocks.length).toBeGreaterThan(0);
    for (const { note } of blocks) expect(note).toMatch(/^$|^needs limits$|^not run: \w+/);
  });

  const runnable = blocks.filter(({ note }) => !note.startsWith('not run'));
  it.each(runnable)('work: line $line', async (block) => {
    // Blocks of a session use the job of an earlier one.
    const before = block.text.includes('id=') ? '' : 'id=$(bin/cloister submit true)';
    const { code, output } = await run(block, before);
    if (block.note === 'needs limits' && !limited) {
      expect(code).not.toBe(0);
      expect(output).toContain('cannot enforce it');
    } else expect({ code, output }).toEqual({ code: 0, output });
  });
});

it('prints what the README says that it prints', async () => {
  const block = codeBlocks(readDocument('README.md')).find(({ text }) => text.includes('endOfLog'));
  if (block === undefined) throw new Error('the README has no subscription with curl');
  const { output } = await run(block);
  expect(output).toContain('"status":"COMPLETED","exitCode":0,"usage":{"cpuTime":');
  expect(output).toContain('"stream":"STDOUT","text":"total ');
  expect(output).toContain('"stream":"STDOUT","text":"3\\n"');
  expect(output).toContain('"endOfLog":true');
  expect(output).toContain('event: complete');
});
