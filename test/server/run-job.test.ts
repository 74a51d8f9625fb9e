/** `runJob` over a real server, with jobs that nothing runs: waits, disconnects and answers that take long. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, it } from 'vitest';
import { stateOf } from '../store/fixture.ts';
import { disposers } from '../support/disposers.ts';
import { page } from './fake-jobs.ts';
import { type Answer, AUTHORIZATION, ask, type Fixture, serveFakes } from './fixture.ts';

const dispose = disposers();

const RUN = `mutation ($wait: Duration, $stop: Boolean = false) {
  runJob(input: { command: "true" }, wait: $wait, stopOnDisconnect: $stop) {
    job { id status } finished logs(maxBytes: "1Ki") { entries { text } cursor endOfLog }
  }
}`;

/** The job that the server has submitted, once it has. */
const submitted = async ({ jobs }: Fixture): Promise<string> => {
  await expect.poll(() => jobs.live.size, { interval: 5 }).toBe(1);
  return [...jobs.jobs.keys()][0] ?? '';
};

it('answers with the end of the job and its output', async () => {
  const fixture = await serveFakes(dispose);
  const answer = ask(fixture, RUN, { wait: '1h' });
  const id = await submitted(fixture);
  fixture.jobs.write(id, page(1, 'hello\n', true));
  fixture.jobs.change(id, stateOf('COMPLETED'));
  expect((await answer).data?.['runJob']).toEqual({
    job: { id, status: 'COMPLETED' },
    finished: true,
    logs: { entries: [{ text: 'hello\n' }], cursor: '1', endOfLog: true },
  });
  expect(fixture.jobs.live.size).toBe(0);
});

it.each([0, '20ms'])('answers with the job as it is after a wait of %s', async (wait) => {
  const fixture = await serveFakes(dispose);
  const { data } = await ask(fixture, RUN, { wait });
  expect(data?.['runJob']).toMatchObject({
    job: { status: 'QUEUED' },
    finished: false,
    logs: { endOfLog: false },
  });
  expect(fixture.jobs.live.size).toBe(0);
  expect(fixture.jobs.stopped).toEqual([]);
});

it('continues with the attempts that follow', async () => {
  const fixture = await serveFakes(dispose);
  const answer = ask(fixture, RUN, { wait: '1h' });
  const id = await submitted(fixture);
  const second = fixture.jobs.add(stateOf('COMPLETED'));
  fixture.jobs.retry(id, stateOf('LIMIT_EXCEEDED'), second.id);
  expect((await answer).data?.['runJob']).toMatchObject({ job: { id: second.id }, finished: true });
});

it.each(['25h', '-1s', 'soon'])('submits nothing when the wait is %j', async (wait) => {
  const fixture = await serveFakes(dispose);
  const { errors } = await ask(fixture, RUN, { wait });
  expect(errors?.[0]).toMatchObject({
    message: expect.stringMatching(/^wait: expected /),
    extensions: { code: 'BAD_USER_INPUT' },
  });
  expect(fixture.jobs.submitted).toEqual([]);
});

it('keeps the rest when the arguments of logs are bad', async () => {
  const fixture = await serveFakes(dispose);
  const { data, errors } = await ask(
    fixture,
    'mutation { runJob(input: { command: "true" }, wait: 0) { job { status } logs(since: "x") { cursor } } }',
  );
  expect(data?.['runJob']).toEqual({ job: { status: 'QUEUED' }, logs: null });
  expect(errors?.[0]?.message).toMatch(/^since: expected /);
});

/** A request written by hand, so that the bytes of the answer can be seen as they come. */
const send = async ({ origin }: Fixture, accept: string, variables: object) => {
  const { hostname, port } = new URL(origin);
  const socket = connect(Number(port), hostname);
  dispose(() => socket.destroy());
  await once(socket, 'connect');
  const body = JSON.stringify({ query: RUN, variables });
  socket.write(
    `POST /graphql HTTP/1.1\r\nHost: ${hostname}:${port}\r\nAuthorization: ${AUTHORIZATION}\r\n` +
      `Accept: ${accept}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n` +
      `Connection: close\r\n\r\n${body}`,
  );
  return socket.setEncoding('utf8');
};

it.each([
  ['application/json', ' '],
  ['application/graphql-response+json', ' '],
  ['text/event-stream', ':\n\n'],
])('sends keep-alive bytes in %s while it waits', async (accept, sign) => {
  const warnings: string[] = [];
  const warn = ({ message }: Error): unknown => warnings.push(message);
  process.on('warning', warn);
  dispose(() => process.off('warning', warn));
  const fixture = await serveFakes(dispose, { timeouts: { slowAnswerMs: 10 } });
  const socket = await send(fixture, accept, { wait: '1h' });
  let text = '';
  socket.on('data', (chunk: string) => {
    text += chunk;
  });
  const id = await submitted(fixture);
  const chunk = `\r\n${sign.length.toString(16)}\r\n${sign}\r\n`;
  await expect.poll(() => text.split(chunk).length, { interval: 5 }).toBeGreaterThan(3);
  const head = text.slice(0, text.indexOf('\r\n\r\n'));
  expect(head).toMatch(/^HTTP\/1.1 200 /);
  expect(head).toContain(`Content-Type: ${accept}`);
  fixture.jobs.change(id, stateOf('COMPLETED'));
  await once(socket, 'end');
  expect(text).toContain('"status":"COMPLETED"');
  if (sign !== ' ') return;
  const decoded = text
    .slice(head.length + 4)
    .split('\r\n')
    .filter((_part, index) => index % 2 === 1)
    .join('');
  expect((JSON.parse(decoded) as Answer).data?.['runJob']).toMatchObject({ finished: true });
  expect(warnings).toEqual([]);
});

it('stops the job of a client that has disconnected, if requested', async () => {
  const fixture = await serveFakes(dispose);
  const socket = await send(fixture, 'application/json', { wait: '1h', stop: true });
  const id = await submitted(fixture);
  socket.destroy();
  await expect.poll(() => fixture.jobs.stopped, { interval: 5 }).toEqual([{ id, gracePeriodMs: 10_000 }]);
  expect(fixture.jobs.live.size).toBe(0);
});

it('lets the job of a client that has disconnected continue', async () => {
  const fixture = await serveFakes(dispose);
  const socket = await send(fixture, 'application/json', { wait: '1h' });
  await submitted(fixture);
  socket.destroy();
  await expect.poll(() => fixture.jobs.live.size, { interval: 5 }).toBe(0);
  // The operation is over once the server has closed, which waits for it.
  await fixture.server.close();
  expect(fixture.jobs.stopped).toEqual([]);
});
