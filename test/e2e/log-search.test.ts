/** Searching logs through the API. */

import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestServer } from '../support/server.ts';

let server: TestServer;
let id: string;

beforeAll(async () => {
  server = await TestServer.start();
  id = await server.submit({ command: 'seq 1 300; echo "error: one" >&2; sleep 0.2; echo done' });
  await server.ended(id);
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
