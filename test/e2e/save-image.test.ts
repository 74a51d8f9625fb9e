/** Images that are made of what jobs have changed. */

import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestServer } from '../support/server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
});

afterAll(() => server.dispose());

const SAVE = `mutation ($id: ID!, $name: String!) {
  saveImage(input: { jobId: $id, name: $name }) { image { name digest layers owner size source } } }`;

const save = async (id: string, name: string) => {
  const { data, errors } = await server.ask(SAVE, { id, name });
  return { image: (data as { saveImage: { image: object } } | null)?.saveImage.image, errors };
};

/** The inode of the only file in the state folder whose path ends so; links of images lead out of it, and are not followed. */
const inodeOf = (end: string): string => {
  const found = execFileSync('find', [server.stateDir, '-path', `*/${end}`, '-printf', '%i %p\\n'], {
    encoding: 'utf8',
  });
  const [, inode] = /^(\d+) .*\n$/.exec(found) ?? [];
  if (inode === undefined) throw new Error(`${end}: expected one file, found "${found}"`);
  return inode;
};

const run = async (input: Record<string, unknown>): Promise<string> => {
  const id = await server.submit(input);
  const { status, exitCode } = await server.ended(id);
  const { stdout, stderr } = await server.output(id);
  expect({ status, exitCode, stderr }).toEqual({ status: 'COMPLETED', exitCode: 0, stderr: '' });
  return stdout;
};

// Everything that a layer can have, and a last line that a job prints about it.
const CHANGE = [
  'mkdir -p /made/deep && echo made > /made/deep/file && ln /made/deep/file /made/linked && ln -s deep/file /made/link',
  'rm /etc/motd && rm -r /opt && mkdir /opt && echo new > /opt/new && echo changed >> /etc/profile',
  'chmod 640 /made/deep/file && mkfifo /made/fifo && truncate -s 1G /made/sparse && echo "" >> /made/sparse',
  'touch -d @1000000000 /made/deep',
].join(' && ');
const SHOW = [
  'cat /made/deep/file /made/link /opt/new && ls /opt && tail -n 1 /etc/profile && test ! -e /etc/motd',
  'stat -c "%a %h %u:%g" /made/linked && stat -c %Y /made/deep && stat -c "%F %s" /made/fifo /made/sparse',
  '[ "$(stat -c %b /made/sparse)" -lt 100 ]',
].join(' && ');
const SHOWN = 'made\nmade\nnew\nnew\nchanged\n640 2 0:0\n1000000000\nfifo 0\nregular file 1073741825\n';

describe('an image of a job', () => {
  it('that has ended has what it changed, when that was kept', async () => {
    const id = await server.submit({ command: CHANGE, keepRoot: true });
    expect(await server.ended(id)).toMatchObject({ exitCode: 0, error: null });
    const changed = inodeOf('made/deep/file');
    const { image } = await save(id, 'ended');
    // Moved and not copied: that takes no longer for a larger change.
    expect(inodeOf('made/deep/file')).toBe(changed);
    expect(image).toMatchObject({ name: 'ended', layers: 2, owner: 'admin', source: `job ${id}` });
    expect(await run({ image: 'ended', command: SHOW })).toBe(SHOWN);
    expect((await save(id, 'again')).errors?.[0]?.message).toContain(
      'one with keepRoot that was not saved yet',
    );
  });

  it('that is paused has what it has changed by then, and the job continues', async () => {
    const id = await server.submit({ command: `${CHANGE}; echo ready; read line; ${SHOW}`, openStdin: true });
    await expect.poll(async () => (await server.output(id, false)).stdout).toBe('ready\n');
    expect((await save(id, 'running')).errors?.[0]?.message).toContain(
      'expected a job that is paused or has ended',
    );
    await server.pause(id);
    expect((await save(id, 'paused')).errors).toBeUndefined();
    // Any number of times.
    expect((await save(id, 'paused')).errors).toBeUndefined();
    await server.resume(id);
    await server.query(
      'mutation ($id: ID!) { writeStdin(input: { jobId: $id, offset: 0, text: "go\n" }) { accepted } }'.replace(
        '\n',
        '\\n',
      ),
      { id },
    );
    await server.ended(id);
    expect((await server.output(id)).stdout).toBe(`ready\n${SHOWN}`);
    expect(await run({ image: 'paused', command: SHOW })).toBe(SHOWN);
  });

  it('is one that further images can be made of', async () => {
    const id = await server.submit({
      image: 'ended',
      command: 'rm -r /made/deep; echo 2 > /second',
      keepRoot: true,
    });
    await server.ended(id);
    expect((await save(id, 'second')).image).toMatchObject({ layers: 3 });
    expect(await run({ image: 'second', command: 'cat /second /opt/new; test ! -e /made/deep' })).toBe(
      '2\nnew\n',
    );
  });

  it('needs what was kept, and a name that is free', async () => {
    const id = await server.submit({ command: 'true' });
    await server.ended(id);
    expect((await save(id, 'nothing')).errors?.[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT' });
    for (const name of ['alpine', '../x', '']) {
      const { errors } = await save(id, name);
      expect(errors?.[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT', field: 'input.name' });
    }
  });

  it('that could not be kept is refused, and the log of the server says why', async () => {
    const id = await server.submit({
      command: 'for i in $(seq 257); do mkdir d && cd d || exit; done',
      keepRoot: true,
    });
    expect(await server.ended(id)).toMatchObject({ exitCode: 0 });
    expect((await save(id, 'deep')).errors?.[0]?.message).toContain('in folders at most 256 deep');
    await expect
      .poll(() => server.faults)
      .toMatchObject([
        { jobId: id, msg: expect.stringMatching(/could not be kept: its folders are more than 256 deep$/) },
      ]);
  });

  it('leaves nothing when it is deleted', async () => {
    for (const name of ['ended', 'paused', 'second'])
      await server.query('mutation ($n: String!) { deleteImage(input: { name: $n }) { name } }', { n: name });
    expect(readdirSync(join(server.stateDir, 'layers'))).toEqual([]);
  });
});
