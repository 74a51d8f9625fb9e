/** Jobs on a terminal. */

import { createHash } from 'node:crypto';
import { readdirSync, readlinkSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RestartableServer } from '../support/restartable-server.ts';
import { TestServer } from '../support/server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
});

afterAll(() => server.dispose());

interface Entry {
  readonly stream: string;
  readonly bytes: string;
  readonly resized: { readonly rows: number; readonly columns: number } | null;
}

const MIB = 1024 * 1024;

/** Control sequences (ECMA-48), which are not text. */
const SEQUENCE = new RegExp(`${String.fromCharCode(27)}(?:\\[[0-9;?]*[A-Za-z]|[()][A-Z0-9])`, 'g');

/** A job on a terminal, with a simulated person. */
class Session {
  readonly id: string;
  #offset = 0;

  constructor(id: string) {
    this.id = id;
  }

  static async start(input: Record<string, unknown>): Promise<Session> {
    const session = new Session(await server.submit({ terminal: { rows: 24, columns: 80 }, ...input }));
    await server.running(session.id);
    return session;
  }

  async type(text: string): Promise<void> {
    for (let rest = Buffer.from(text); rest.length > 0; ) {
      const { writeStdin } = await server.query<{ writeStdin: { accepted: number } }>(
        'mutation ($input: WriteStdinInput!) { writeStdin(input: $input) { accepted } }',
        { input: { jobId: this.id, offset: this.#offset, bytes: rest.subarray(0, MIB).toString('base64') } },
      );
      this.#offset += writeStdin.accepted;
      rest = rest.subarray(writeStdin.accepted);
    }
  }

  async resize(rows: number, columns: number): Promise<string> {
    const { errors } = await server.ask(
      'mutation ($input: ResizeTerminalInput!) { resizeTerminal(input: $input) { job { id } } }',
      { input: { jobId: this.id, rows, columns } },
    );
    const [error] = errors ?? [];
    return error === undefined ? '' : `${error.extensions?.['code']}: ${error.message}`;
  }

  async entries(follow = false): Promise<readonly Entry[]> {
    const all: Entry[] = [];
    for await (const data of server.subscribe(
      `subscription ($id: ID!, $follow: Boolean!) {
        logs(jobId: $id, follow: $follow) { entries { stream bytes resized { rows columns } } } }`,
      { id: this.id, follow },
    ))
      all.push(...(data as { logs: { entries: Entry[] } }).logs.entries);
    return all;
  }

  async text(follow = false): Promise<string> {
    const entries = await this.entries(follow);
    return Buffer.concat(entries.map(({ bytes }) => Buffer.from(bytes, 'base64'))).toString();
  }

  /** Settles when the terminal shows this. */
  async shows(pattern: RegExp): Promise<void> {
    const plain = async (): Promise<string> => (await this.text()).replaceAll(SEQUENCE, '');
    await expect.poll(plain).toMatch(pattern);
  }

  async end(): Promise<void> {
    await server.stop(this.id, 0);
  }
}

describe('a job with a terminal', () => {
  it('has one of the cell itself, of the size asked for before it runs, and is its session leader', async () => {
    const id = await server.submit({
      command:
        'tty; stty size; echo $TERM; echo err >&2; [ "$(stat -c %u $(tty))" = "$(id -u)" ] && echo own; ' +
        'cut -d" " -f1,5-8 /proc/self/stat; echo to-tty > /dev/tty',
      user: 'nobody',
      terminal: { rows: 33, columns: 101 },
    });
    await server.ended(id);
    const session = new Session(id);
    const entries = await session.entries();
    expect(entries[0]).toEqual({ stream: 'TERMINAL', bytes: '', resized: { rows: 33, columns: 101 } });
    expect(entries.every(({ stream }) => stream === 'TERMINAL')).toBe(true);
    const text = await session.text();
    expect(text).toMatch(/^\/dev\/pts\/0\r\n33 101\r\nxterm-256color\r\nerr\r\nown\r\n/);
    expect(text).toMatch(/to-tty\r\n$/);
    // Process group of the foreground and session are those of the shell: pid 2 of the cell.
    expect(text).toMatch(/\n\d+ 2 2 34816 2\r\n/);
    const { job } = await server.query<{ job: unknown }>(
      `{ job(id: "${id}") { openStdin terminal { rows columns } logs(stream: TERMINAL, grep: "own") { entries { text } } } }`,
    );
    expect(job).toEqual({
      openStdin: true,
      terminal: { rows: 33, columns: 101 },
      logs: { entries: [{ text: 'own\r\n' }] },
    });
  });

  it('has a shell with job control: Ctrl-C, Ctrl-Z, the foreground, the end of input', async () => {
    const session = await Session.start({ argv: ['sh'], env: [{ name: 'PS1', value: 'ready> ' }] });
    await session.shows(/ready> $/);
    // Written by the command: the shell has passed the terminal on.
    await session.type('sh -c \'echo be""gun; exec sleep 1000\'\r');
    await session.shows(/\nbegun\r\n$/);
    await session.type('\x03');
    await session.shows(/\^C\r\nready> $/);
    await session.type('echo $?; sh -c \'echo ag""ain; exec sleep 2000\'\r');
    await session.shows(/130\r\nagain\r\n$/);
    await session.type('\x1a');
    await session.shows(/Stopped.*\r\nready> $/);
    await session.type('kill -9 %1; wait; echo g""one\r');
    await session.shows(/\ngone\r\n[\s\S]*ready> $/);
    // A stopped job is not waited for: the shell says that it is dead at a prompt that comes later than its death.
    const prompted = async (): Promise<string> => {
      await session.type('\r');
      return session.text();
    };
    await expect.poll(prompted).toMatch(/Killed/);
    await session.shows(/ready> $/);
    await session.type('exit 7\r');
    expect(await server.ended(session.id)).toMatchObject({ status: 'COMPLETED', exitCode: 7 });
    const other = await Session.start({ command: 'cat; echo end' });
    const { errors } = await server.ask(
      'mutation ($input: WriteStdinInput!) { writeStdin(input: $input) { accepted } }',
      { input: { jobId: other.id, offset: 0, text: 'line\n', endOfInput: true } },
    );
    expect(errors).toBeUndefined();
    await server.ended(other.id);
    expect(await other.text()).toBe('line\r\nline\r\nend\r\n');
  });

  it('is notified of a new size, which the log has before the output that follows', async () => {
    const session = await Session.start({
      command: 'trap "stty size" WINCH; echo ready; while :; do sleep 0.05; done',
    });
    await session.shows(/ready/);
    expect(await session.resize(50, 132)).toBe('');
    await session.shows(/50 132\r\n/);
    // With many resizes, there are no more sizes in the log than output frames.
    await Promise.all(Array.from({ length: 200 }, (_, index) => session.resize(20 + (index % 50), 100)));
    await session.resize(11, 22);
    await session.shows(/11 22\r\n/);
    const entries = await session.entries();
    const resized = entries.flatMap((entry) => entry.resized ?? []);
    const outputs = entries.filter((entry) => entry.resized === null);
    expect(resized[0]).toEqual({ rows: 24, columns: 80 });
    expect(resized[1]).toEqual({ rows: 50, columns: 132 });
    expect(resized.length).toBeLessThanOrEqual(outputs.length);
    await session.end();
    expect(await session.resize(1, 1)).toMatch(/^JOB_NOT_RUNNING/);
  });

  it('runs an editor, a pager and a monitor', async () => {
    const session = await Session.start({ argv: ['sh'], env: [{ name: 'PS1', value: 'ready> ' }] });
    await session.shows(/ready> $/);
    await session.type('vi /tmp/file\r');
    // The last line of an empty buffer of 24 rows.
    await session.shows(/~/);
    await session.type('ihello from vi');
    await session.shows(/hello from vi/);
    // By itself: what follows at once would make another key of it.
    await session.type('\x1b');
    await session.shows(/- \/tmp\/file \[Modified\]/);
    await session.type(':wq\r');
    await session.shows(/ready> $/);
    await session.type('cat /tmp/file; seq 1000 > /tmp/many; less /tmp/many\r');
    await session.shows(/hello from vi\r\n[\s\S]*\n22/);
    await session.type('G');
    await session.shows(/1000/);
    await session.type('q');
    await session.shows(/ready> $/);
    await session.type('top -d 1\r');
    await session.shows(/Load average/);
    await session.type('q');
    await session.shows(/ready> $/);
    await session.type('exit\r');
    expect(await server.ended(session.id)).toMatchObject({ status: 'COMPLETED' });
  });

  it('keeps its output to the last byte, also of what is in the background', async () => {
    const id = await server.submit({
      command: 'seq 200000 | tr "\\n" " "; echo; printf END',
      terminal: { rows: 24, columns: 80 },
    });
    await server.ended(id);
    const text = await new Session(id).text();
    expect(text).toMatch(/^1 2 3 .* 199999 200000 \r\nEND$/);
    expect(text.length).toBe(1_288_895 + 2 + 3);
  });

  it('accepts megabytes of pasted input without loss', async () => {
    const session = await Session.start({ command: 'stty raw -echo; echo ready; head -c 2000000 | md5sum' });
    await session.shows(/ready/);
    const pasted = '0123456789'.repeat(200_000);
    await session.type(pasted);
    await server.ended(session.id);
    expect(await session.text()).toContain(createHash('md5').update(pasted).digest('hex'));
  });

  it('stops accepting input when nobody reads', async () => {
    const session = await Session.start({ command: 'stty raw -echo; echo ready; exec sleep 1000' });
    await session.shows(/ready/);
    const bytes = Buffer.alloc(1024 * 1024, 'x').toString('base64');
    const { writeStdin } = await server.query<{ writeStdin: { accepted: number } }>(
      'mutation ($input: WriteStdinInput!) { writeStdin(input: $input) { accepted } }',
      { input: { jobId: session.id, offset: 0, bytes } },
    );
    // Not only the few KB that a terminal has room for: for each of them a client would have to ask once more.
    expect(writeStdin.accepted).toBeGreaterThan(100_000);
    expect(writeStdin.accepted).toBeLessThan(300_000);
    await session.end();
  });

  it('continues when the server is killed', async () => {
    const session = await Session.start({ argv: ['sh'], env: [{ name: 'PS1', value: 'ready> ' }] });
    await session.type('A=kept\r');
    const restartable = new RestartableServer(server);
    restartable.restart('SIGKILL');
    await restartable.isUp();
    await session.type('echo $A $((6*7))\r');
    await session.shows(/\nkept 42\r\n/);
    expect(await session.resize(40, 90)).toBe('');
    await session.type('stty size\r');
    await session.shows(/\n40 90\r\n/);
    await session.end();
  });

  it('receives input that was accepted before it reads, also when the server is killed meanwhile', async () => {
    const session = await Session.start({
      command:
        'stty raw -echo; echo ready; until [ -e /tmp/go ]; do sleep 0.05; done; head -c 120000 | md5sum',
    });
    await session.shows(/ready/);
    const pasted = '0123456789ab'.repeat(10_000);
    await session.type(pasted);
    const restartable = new RestartableServer(server);
    restartable.restart('SIGKILL');
    await restartable.isUp();
    const { execInJob } = await server.query<{ execInJob: { job: { id: string } } }>(
      'mutation ($input: ExecInJobInput!) { execInJob(input: $input) { job { id } } }',
      { input: { jobId: session.id, command: 'touch /tmp/go' } },
    );
    await server.ended(execInJob.job.id);
    await server.ended(session.id);
    expect(await session.text()).toContain(createHash('md5').update(pasted).digest('hex'));
  });

  it('receives the end of its input after everything that was accepted', async () => {
    const session = await Session.start({
      command: 'stty -echo; echo ready; until [ -e /tmp/go ]; do sleep 0.05; done; md5sum; echo end',
    });
    await session.shows(/ready/);
    const lines = `${'x'.repeat(60)}\n`.repeat(1500);
    const write = { jobId: session.id, offset: 0, text: lines, endOfInput: true };
    const { writeStdin } = await server.query<{ writeStdin: { accepted: number } }>(
      'mutation ($input: WriteStdinInput!) { writeStdin(input: $input) { accepted } }',
      { input: write },
    );
    expect(writeStdin.accepted).toBe(lines.length);
    const { execInJob } = await server.query<{ execInJob: { job: { id: string } } }>(
      'mutation ($input: ExecInJobInput!) { execInJob(input: $input) { job { id } } }',
      { input: { jobId: session.id, command: 'touch /tmp/go' } },
    );
    await server.ended(execInJob.job.id);
    await server.ended(session.id);
    const text = await session.text();
    expect(text).toContain(createHash('md5').update(lines).digest('hex'));
    expect(text).toMatch(/end\r\n$/);
  });

  it('is refused with the name of the field, and a job without one cannot be resized', async () => {
    const field = async (input: Record<string, unknown>): Promise<unknown> => {
      const { errors } = await server.ask(
        'mutation ($input: SubmitJobInput!) { submitJob(input: $input) { job { id } } }',
        { input: { command: 'true', ...input } },
      );
      return errors?.[0]?.extensions?.['field'];
    };
    expect(await field({ terminal: { rows: 0, columns: 80 } })).toBe('input.terminal.rows');
    expect(await field({ terminal: { rows: 24, columns: 100_000 } })).toBe('input.terminal.columns');
    expect(await field({ terminal: { rows: 24, columns: 80 }, stdin: 'x' })).toBe('input.stdin');
    expect(await field({ terminal: { rows: 24, columns: 80 }, openStdin: false })).toBe('input.openStdin');
    expect(await field({ terminal: { rows: 24, columns: 80 }, retries: { limit: 1 } })).toBe('input.retries');
    const session = new Session(await server.submit({ command: 'sleep 1000' }));
    await server.running(session.id);
    expect(await session.resize(24, 80)).toMatch(/^BAD_USER_INPUT: input.jobId: .*with a terminal/);
    expect(await session.resize(0, 80)).toMatch(/^BAD_USER_INPUT: input.rows: /);
    await session.end();
  });

  it('leaves nothing open', async () => {
    // Servers of other tests have terminals too.
    const isOwn = (pid: string): boolean =>
      Number(pid) === server.pid || readlinkSync(`/proc/${pid}/cwd`).startsWith(server.stateDir);
    const masters = (): number =>
      readdirSync('/proc')
        .filter((name) => /^\d+$/.test(name))
        .flatMap((pid) => {
          try {
            if (!isOwn(pid)) return [];
            return readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
          } catch {
            return [];
          }
        })
        .filter((path) => path === '/dev/pts/ptmx').length;
    await expect.poll(masters).toBe(0);
  });
});
