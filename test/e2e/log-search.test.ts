/** Searching logs through the API. */

import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestServer } from '../support/server.ts';

let server: TestServer;
let id: string;

beforeAll(async () => {
  server = await TestServer.start();
  const numbers = Array.from({ length: 300 }, (_, index) => `${index + 1}\n`).join('');
  const job = await server.submitInTurn([
    ['seq 1 300', numbers],
    ['echo "error: one" >&2', 'error: one\n'],
    ['echo done', 'done\n'],
  ]);
  ({ id } = job);
  await job.ended;
});

afterAll(() => server.dispose());

interface Page {
  readonly entries: readonly { readonly text: string; readonly stream: string; readonly time: string }[];
  readonly cursor: string;
  readonly endOfLog: boolean;
}

const read = async (args: string): Promise<Page> => {
  const query = `{ job(id: "${id}") { logs(${args}) { entries { text stream time } cursor endOfLog } } }`;
  return (await server.query<{ readonly job: { readonly logs: Page } }>(query)).job.logs;
};

const textOf = ({ entries }: Page): string => entries.map(({ text }) => text).join('');

it('finds lines by a text, page after page', async () => {
  expect(await read('grep: "error"')).toMatchObject({
    entries: [{ text: 'error: one\n', stream: 'STDERR' }],
  });
  const first = await read('grep: "99", first: 1');
  expect(textOf(first)).toBe('99\n');
  const rest = await read(`grep: "99", after: "${first.cursor}"`);
  expect(textOf(rest)).toBe('199\n299\n');
  expect(rest.endOfLog).toBe(true);
  expect(await read('grep: "error", stream: STDOUT')).toMatchObject({ entries: [], endOfLog: true });
});

it('knows how many lines there are, and begins at any of them', async () => {
  const query = `{ job(id: "${id}") { lineCount out: lineCount(stream: STDOUT) err: lineCount(stream: STDERR) } }`;
  expect(await server.query(query)).toEqual({ job: { lineCount: 302, out: 301, err: 1 } });
  expect(textOf(await read('line: 299, maxBytes: 8'))).toBe('299\n300\n');
  expect(textOf(await read('line: 301, stream: STDOUT'))).toBe('done\n');
  expect(await read('line: 303')).toMatchObject({ entries: [], endOfLog: true });
});

it('finds lines by an expression, with the lines around them', async () => {
  const found = await read('grep: "^(150|err.*e)$", regex: true, context: 1');
  expect(textOf(found)).toBe('149\n150\n151\n300\nerror: one\ndone\n');
  const pages: string[] = [];
  const follow = `subscription { logs(jobId: "${id}", grep: "^err", regex: true, context: 1) { entries { text matched } } }`;
  for await (const page of server.subscribe(follow)) pages.push(JSON.stringify(page));
  expect(pages.join('')).toContain(
    '[{"text":"300\\n","matched":false},{"text":"error: one\\n","matched":true},{"text":"done\\n","matched":false}]',
  );
});

it('finds lines of a running job as soon as they are complete', async () => {
  const running = await server.submit({
    command: 'printf "one\ntw"; read -r _; echo o; read -r _; echo three',
    openStdin: true,
  });
  const follow = `subscription { logs(jobId: "${running}", grep: "^tw.$", regex: true, context: 1) { entries { text } endOfLog } }`;
  const write = (offset: number) =>
    server.query(
      `mutation { writeStdin(input: { jobId: "${running}", offset: ${offset}, text: "\\n" }) { accepted } }`,
    );
  const texts: string[] = [];
  let written = 0;
  await expect
    .poll(
      async () =>
        (await server.query<{ job: { lineCount: number } }>(`{ job(id: "${running}") { lineCount } }`)).job,
    )
    .toEqual({ lineCount: 2 });
  await write(written++);
  for await (const page of server.subscribe(follow)) {
    const { entries } = (page as { logs: { entries: { text: string }[] } }).logs;
    texts.push(...entries.map(({ text }) => text));
    if (texts.at(-1) === 'o\n' && written === 1) await write(written++);
  }
  expect(texts).toEqual(['one\n', 'tw', 'o\n', 'three\n']);
});

it('begins at a byte and at a time', async () => {
  expect(textOf(await read('offset: 8, first: 7'))).toBe('5\n6\n7\n8');
  expect(textOf(await read('offset: 7, stream: STDERR'))).toBe('one\n');
  const last = (await read('tail: 1')).entries.at(-1);
  expect(textOf(await read(`since: "${last?.time}"`))).toBe('done\n');
});

it('follows from a time', async () => {
  const last = (await read('tail: 1')).entries.at(-1);
  const query = `subscription { logs(jobId: "${id}", since: "${last?.time}") { entries { text } endOfLog } }`;
  const pages: unknown[] = [];
  for await (const page of server.subscribe(query)) pages.push(page);
  expect(JSON.stringify(pages)).toContain('done');
  expect(JSON.stringify(pages)).not.toContain('299');
});
