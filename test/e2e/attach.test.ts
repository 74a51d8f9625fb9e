/** The command line on a terminal: `run -it` and `attach`. */

import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RestartableServer } from '../support/restartable-server.ts';
import { TestServer } from '../support/server.ts';
import { Terminal } from '../support/terminal.ts';

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
});

afterAll(() => server.dispose());

const BIN = join(import.meta.dirname, '..', '..', 'bin', 'cloister');

/** Uses the socket in the state folder, which stays the same when the server is restarted. */
const environment = () => ({ CLOISTER_URL: undefined, CLOISTER_STATE_DIR: server.stateDir });

const onTerminal = (...args: string[]): Terminal => new Terminal([BIN, ...args], environment());

/** Runs the client in a shell on the terminal, which prints the state of the terminal afterwards. */
const inShell = (...args: string[]): Terminal =>
  new Terminal(
    ['sh', '-c', '"$0" "$@"; echo "code $?"; stty -a | grep -q " echo " && echo "echo is on"', BIN, ...args],
    environment(),
  );

const lastJob = async (): Promise<string> => {
  const { jobs } = await server.query<{ jobs: { nodes: { id: string }[] } }>(
    '{ jobs(first: 1) { nodes { id } } }',
  );
  return jobs.nodes[0]?.id ?? '';
};

const PROMPT = ['-e', 'PS1=ready> '] as const;

it('run -it: a shell with the size of our terminal and its exit code as ours; our terminal is restored', async () => {
  await using terminal = inShell('run', '-it', ...PROMPT, '--', 'sh');
  await terminal.shows(/ready> /);
  terminal.type('stty size; echo $TERM; tty\r');
  await terminal.shows(/\n30 100\r\nxterm-256color\r\n\/dev\/pts\/0\r\n/);
  // Ctrl-C is for the command.
  terminal.type("sh -c 'echo be''gun; exec sleep 1000'\r");
  await terminal.shows(/\nbegun\r\n/);
  terminal.type('\x03');
  await terminal.shows(/\^C\r\n.*ready> /);
  terminal.type('exit 7\r');
  await terminal.shows(/code 7\r\necho is on/);
  expect(await terminal.ended()).toBe(0);
});

it('is detached by keys, and attach returns to it, also after the server was killed', async () => {
  await using first = inShell('run', '-it', ...PROMPT, '--', 'sh');
  await first.shows(/ready> /);
  first.type('A=kept; echo one mark\r');
  await first.shows(/\none mark\r\n/);
  first.type('\x10\x11');
  await first.shows(/detached: job \S+ continues/);
  await first.shows(/code 0\r\necho is on/);
  const id = await lastJob();
  expect(await server.job(id)).toMatchObject({ status: 'RUNNING' });

  await using second = inShell('attach', id);
  // The last screenful, then further output.
  await second.shows(/one mark\r\n/);
  second.type('echo $A and more\r');
  await second.shows(/\nkept and more\r\n/);
  const restartable = new RestartableServer(server);
  restartable.restart('SIGKILL');
  await restartable.isUp();
  second.type('echo still $((6*7))\r');
  await second.shows(/\nstill 42\r\n/);
  // Two people type: each line arrives, and none is lost.
  await using other = inShell('attach', '--detach-keys', 'ctrl-a,d', id);
  await other.shows(/still 42\r\n/);
  other.type('echo of the oth""er\r');
  await second.shows(/\nof the other\r\n/);
  second.type('echo of the fir""st\r');
  await other.shows(/\nof the first\r\n/);
  other.type('\x01d');
  await other.shows(/code 0/);
  // Ending the client does not end the job.
  second.type('exit 3\r');
  await second.shows(/code 3\r\necho is on/);
});

it('exec -it: another shell in the cell of a job, and exec of one command', async () => {
  const id = await server.submit({ command: 'echo main > /tmp/who; exec sleep 1000' });
  await server.running(id);
  await using terminal = inShell('exec', '-it', ...PROMPT, id, '--', 'sh');
  await terminal.shows(/ready> /);
  terminal.type('cat /tmp/who; tty; exit 5\r');
  await terminal.shows(/\nmain\r\n\/dev\/pts\/0\r\n[\s\S]*code 5\r\necho is on/);
  await using one = new Terminal(
    ['sh', '-c', 'echo fed | "$0" exec "$1" "cat; cat /tmp/who"; echo code $?', BIN, id],
    environment(),
  );
  await one.shows(/fed\r\nmain\r\ncode 0/);
  await server.stop(id, 0);
});

it('attach shows an editor again that it has not seen, and passes on a new size', async () => {
  const id = await server.submit({ argv: ['vi', '/tmp/file'], terminal: { rows: 24, columns: 80 } });
  await server.running(id);
  await server.query('mutation ($input: WriteStdinInput!) { writeStdin(input: $input) { accepted } }', {
    input: { jobId: id, offset: 0, text: 'ihello from before' },
  });
  await expect.poll(async () => (await server.job(id)).status).toBe('RUNNING');
  await using terminal = onTerminal('attach', id);
  await terminal.shows(/hello from before/);
  // The number of lines of our terminal.
  await terminal.shows(/(?:~[^~]*){28}/);
  terminal.type('\x10\x11');
  await terminal.shows(/detached/);
  await server.stop(id, 0);
});

it('attach to a job without a terminal shows its end and exit code, and rejects malformed key sequences', async () => {
  const id = await server.submit({ command: 'seq 100; exit 4' });
  await server.ended(id);
  await using terminal = inShell('attach', id);
  await terminal.shows(/100\r\ncode 4/);
  await using wrong = inShell('attach', '--detach-keys', 'ctrl-é', id);
  await wrong.shows(/--detach-keys: expected keys such as/);
});

it('attach --no-input shows the terminal, and is ended by the detach keys and by Ctrl-C', async () => {
  const command = 'trap "stty size" WINCH; printf "up\n"; while :; do sleep 0.05; done';
  const id = await server.submit({ command, terminal: { rows: 24, columns: 80 } });
  await server.running(id);
  await using left = inShell('attach', '--no-input', id);
  await left.shows(/^up\r\n[\s\S]*30 100\r\n/);
  left.type('not for the job\x10\x11');
  await left.shows(/detached[\s\S]*code 0\r\necho is on/);
  await using ended = inShell('attach', '--no-input', id);
  await ended.shows(/up\r\n/);
  ended.type('\x03');
  await ended.shows(/code 130\r\necho is on/);
  expect(await server.job(id)).toMatchObject({ status: 'RUNNING' });
  expect(left.text).not.toContain('not for the job');
  await server.stop(id, 0);
});

it('is detached by keys even if the job reads nothing of what was pasted', async () => {
  const command = 'stty raw -echo; echo ready; exec sleep 1000';
  const id = await server.submit({ command, terminal: { rows: 24, columns: 80 } });
  await using terminal = inShell('attach', id);
  await terminal.shows(/ready/);
  // More than is sent at once, and than the server and the job hold.
  terminal.type(`${'x'.repeat(3_000_000)}\x10\x11`);
  await terminal.shows(
    /\d+ bytes that were typed last may not have reached the job[\s\S]*detached: job \S+ continues[\s\S]*code 0\r\necho is on/,
  );
  await server.stop(id, 0);
});

it('says how much is lost of what was typed while there was no server', async () => {
  const id = await server.submit({ command: 'echo ready; exec cat', terminal: { rows: 24, columns: 80 } });
  await using terminal = inShell('attach', id);
  await terminal.shows(/ready/);
  await server.end('SIGKILL');
  terminal.type('lost\x10\x11');
  await terminal.shows(
    /4 bytes that were typed last may not have reached the job[\s\S]*detached: job \S+ continues/,
  );
  await server.boot();
  await server.stop(id, 0);
});
