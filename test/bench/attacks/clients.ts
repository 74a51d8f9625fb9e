/** Attacks by clients, with a token and without. Each is carried out in a process of its own until that is ended. */

import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { WebSocket } from 'ws';

/** The server that is attacked. */
export interface Target {
  /** Of GraphQL. */
  readonly url: string;
  readonly token: string;
}

/** An attack over the network. */
export interface ClientAttack {
  readonly name: string;
  /** Begins it. @param did called for each thing that was done */
  start(target: Target, did: () => void): void | Promise<void>;
}

const MIB = 1024 ** 2;

/** Does something again and again, several times at once, also when it fails: that is what the server may do to it. */
const keepDoing = (atOnce: number, work: () => Promise<unknown>, did: () => void): void => {
  const keep = async (): Promise<void> => {
    for (;;) {
      await work().then(did, () => undefined);
      // Else what fails at once leaves nothing else a turn.
      await new Promise(setImmediate);
    }
  };
  for (let number = 0; number < atOnce; number++) void keep();
};

const agent = new Agent({ keepAlive: true, maxSockets: 5000 });

/** Sends a request, and reads the answer or leaves it. */
const send = (
  url: string,
  headers: Readonly<Record<string, string>>,
  body: string | Buffer,
  { method = 'POST', reads = true } = {},
): Promise<number> =>
  new Promise((resolve, reject) => {
    const sent = request(url, {
      method,
      agent: reads ? agent : false,
      headers: { ...headers, 'content-length': Buffer.byteLength(body) },
    });
    sent.once('error', reject);
    sent.once('response', (answer) => {
      answer.once('error', reject);
      if (!reads) return resolve(answer.statusCode ?? 0);
      answer.resume().once('end', () => resolve(answer.statusCode ?? 0));
    });
    sent.end(body);
  });

const bearer = ({ token }: Target): Record<string, string> => ({ authorization: `Bearer ${token}` });
const JSON_TYPE = { 'content-type': 'application/json' };

const ask = (target: Target, query: string, variables: unknown = {}, reads = true): Promise<number> =>
  send(target.url, { ...bearer(target), ...JSON_TYPE }, JSON.stringify({ query, variables }), { reads });

/** An attack by one request that is sent again and again, many times at once. */
const queries = (
  name: string,
  atOnce: number,
  query: string,
  variables: () => unknown = () => ({}),
): ClientAttack => ({
  name,
  start: (target, did) => keepDoing(atOnce, () => ask(target, query, variables()), did),
});

const SUBMIT = 'mutation ($input: SubmitJobInput!) { submitJob(input: $input) { job { id } } }';
const RUN = 'mutation ($input: SubmitJobInput!) { runJob(input: $input, wait: "1h") { finished } }';
const LATER = { command: 'true', startAfter: '2100-01-01T00:00:00Z' };
const LIST = `{ jobs(first: 100) { totalCount nodes { id name command argv status env { name value }
  labels { key value } output { kept } limits { memory } } } }`;

const raw = (target: Target): Promise<Socket> => {
  const { hostname, port } = new URL(target.url);
  const socket = connect({ host: hostname, port: Number(port) });
  return once(socket, 'connect').then(() => socket.on('error', () => undefined));
};

const open = async (target: Target, headers: Readonly<Record<string, string>> = {}): Promise<WebSocket> => {
  const socket = new WebSocket(target.url.replace('http', 'ws'), 'graphql-transport-ws', { headers });
  socket.on('error', () => undefined);
  await once(socket, 'open');
  return socket;
};

const greeted = async (target: Target): Promise<WebSocket> => {
  const socket = await open(target);
  socket.send(JSON.stringify({ type: 'connection_init', payload: bearer(target) }));
  await once(socket, 'message');
  return socket;
};

const subscribe = (id: number, query: string, variables: unknown = {}): string =>
  JSON.stringify({ id: `${id}`, type: 'subscribe', payload: { query, variables } });

/** Settles when a connection has ended. */
const closed = (socket: WebSocket): Promise<unknown> =>
  socket.readyState === WebSocket.CLOSED ? Promise.resolve() : once(socket, 'close');

/** Runs a job to its end, for its log. */
const jobWithLog = async (target: Target, command: string): Promise<string> => {
  const query =
    'mutation ($input: SubmitJobInput!) { runJob(input: $input, wait: "60s") { job { id status } } }';
  const answer = await fetch(target.url, {
    method: 'POST',
    headers: { ...bearer(target), ...JSON_TYPE },
    body: JSON.stringify({ query, variables: { input: { command } } }),
  });
  const { data, errors } = (await answer.json()) as {
    data?: { runJob: { job: { id: string } } };
    errors?: unknown;
  };
  if (data === undefined) throw new Error(`expected a job, got ${JSON.stringify(errors)}`);
  return data.runJob.job.id;
};

const LINES = 'head -c 16000000 /dev/zero | tr "\\0" x | fold -w 100';
const variables = (count: number, length: number): object[] =>
  Array.from({ length: count }, (_, number) => ({ name: `N${number}`, value: 'x'.repeat(length) }));

/** By those who have a token. */
const known: readonly ClientAttack[] = [
  queries('1,000 submissions at once', 1000, SUBMIT, () => ({ input: { argv: ['true'] } })),
  queries('1,000 jobs that wait, submitted at once', 1000, SUBMIT, () => ({ input: LATER })),
  queries('100,000 environment variables', 8, SUBMIT, () => ({
    input: { ...LATER, env: variables(100_000, 1) },
  })),
  queries('10,000 environment variables', 8, SUBMIT, () => ({
    input: { ...LATER, env: variables(10_000, 60) },
  })),
  queries('standard input of 8 MiB', 8, SUBMIT, () => ({ input: { ...LATER, stdin: 'x'.repeat(8 * MIB) } })),
  {
    name: 'lists of a hundred jobs',
    start: async (target, did) => {
      for (let number = 0; number < 100; number++)
        await ask(target, SUBMIT, { input: { ...LATER, env: variables(100, 30) } });
      keepDoing(32, () => ask(target, LIST), did);
    },
  },
  queries('the schema', 32, '{ __schema { types { name fields { name args { name } type { name } } } } }'),
  queries(
    'what costs too much',
    64,
    `{ ${Array.from({ length: 20 }, (_, n) => `a${n}: jobs(first: 100) { nodes { logs(maxBytes: "1Mi") { entries { text } } } }`).join(' ')} }`,
  ),
  {
    name: 'pages of log',
    start: async (target, did) => {
      const id = await jobWithLog(target, LINES);
      const pages = Array.from(
        { length: 8 },
        (_, n) => `a${n}: logs(maxBytes: "1Mi") { entries { text bytes } }`,
      );
      keepDoing(
        32,
        () => ask(target, `query ($id: ID!) { job(id: $id) { ${pages.join(' ')} } }`, { id }),
        did,
      );
    },
  },
  {
    name: 'pages of log that nobody reads',
    start: async (target, did) => {
      const id = await jobWithLog(target, LINES);
      const pages = Array.from(
        { length: 8 },
        (_, n) => `a${n}: logs(maxBytes: "1Mi") { entries { text bytes } }`,
      );
      const query = `query ($id: ID!) { job(id: $id) { ${pages.join(' ')} } }`;
      keepDoing(16, () => ask(target, query, { id }, false), did);
    },
  },
  {
    name: 'searches in logs',
    start: async (target, did) => {
      const id = await jobWithLog(target, LINES);
      const query = 'query ($id: ID!) { job(id: $id) { logs(grep: "(x+x+)+y", regex: true) { cursor } } }';
      keepDoing(32, () => ask(target, query, { id }), did);
    },
  },
  {
    name: '200 subscribers to a flood of log',
    start: async (target, did) => {
      const input = { command: 'yes', limits: { outputPolicy: 'TRUNCATE', timeout: 60_000 } };
      const submitted = await fetch(target.url, {
        method: 'POST',
        headers: { ...bearer(target), ...JSON_TYPE },
        body: JSON.stringify({ query: SUBMIT, variables: { input } }),
      });
      const { data } = (await submitted.json()) as { data: { submitJob: { job: { id: string } } } };
      const { id } = data.submitJob.job;
      for (let number = 0; number < 200; number++) {
        const socket = await greeted(target);
        socket.on('message', did);
        socket.send(
          subscribe(1, 'subscription ($id: ID!) { logs(jobId: $id) { entries { text } cursor } }', { id }),
        );
      }
    },
  },
  {
    name: 'uploads of 64 MiB',
    start: (target, did) => {
      let number = 0;
      const content = Buffer.alloc(64 * MIB);
      const upload = (): Promise<number> => {
        content.writeUInt32LE(number++);
        const headers = { ...bearer(target), 'content-type': 'application/octet-stream' };
        return send(new URL('/files', target.url).href, headers, content, { method: 'PUT' });
      };
      keepDoing(4, upload, did);
    },
  },
  {
    name: 'large bodies that are refused',
    start: (target, did) => {
      const body = `{"query":"{ server { version } }","variables":{"x":[${'{},'.repeat(5_000_000)}0]}}`;
      keepDoing(8, () => send(target.url, { ...bearer(target), ...JSON_TYPE }, body), did);
    },
  },
  {
    name: 'bodies of 16 MB that are never completed',
    start: (target, did) => {
      const head = `POST /graphql HTTP/1.1\r\nHost: ${new URL(target.url).host}\r\nAuthorization: Bearer ${target.token}\r\nContent-Type: application/json\r\nContent-Length: 16000000\r\n\r\n`;
      const body = Buffer.alloc(15_900_000, ' ');
      const leave = async (): Promise<void> => {
        const socket = await raw(target);
        socket.resume().write(head);
        socket.write(body);
        await once(socket, 'close');
      };
      keepDoing(64, leave, did);
    },
  },
  queries('jobs with 8 MiB that are waited for', 64, RUN, () => ({
    input: { ...LATER, stdin: 'x'.repeat(8 * MIB) },
  })),
  {
    name: '3,000 requests at once on each of 16 connections',
    start: (target, did) => {
      const body = JSON.stringify({ query: '{ server { version } }' });
      const one = `POST /graphql HTTP/1.1\r\nHost: ${new URL(target.url).host}\r\nAuthorization: Bearer ${target.token}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
      const many = one.repeat(3000);
      const flood = async (): Promise<void> => {
        const socket = await raw(target);
        socket.resume().write(many);
        await once(socket, 'close');
      };
      keepDoing(16, flood, did);
    },
  },
  {
    name: '5,000 queries on each of 8 WebSockets, unread',
    start: (target, did) => {
      const flood = async (): Promise<void> => {
        const socket = await greeted(target);
        socket.pause();
        for (let id = 0; id < 5000; id++) socket.send(subscribe(id, LIST));
        await Promise.race([closed(socket), new Promise((resolve) => setTimeout(resolve, 2000))]);
        socket.terminate();
      };
      keepDoing(8, flood, did);
    },
  },
  {
    name: 'messages and pings on 32 WebSockets',
    start: (target, did) => {
      const flood = async (): Promise<void> => {
        const socket = await greeted(target);
        socket.resume();
        while (socket.readyState === WebSocket.OPEN) {
          for (let number = 0; number < 100; number++) socket.ping();
          for (let id = 0; id < 20; id++) socket.send(subscribe(id, '{ server { version } }'));
          await new Promise(setImmediate);
          if (socket.bufferedAmount > MIB) await new Promise((resolve) => setTimeout(resolve, 5));
          did();
        }
      };
      keepDoing(32, flood, () => undefined);
    },
  },
  {
    name: '2,000 subscriptions over SSE',
    start: (target, did) => {
      const headers = { ...bearer(target), ...JSON_TYPE, accept: 'text/event-stream' };
      const body = JSON.stringify({ query: 'subscription { jobEvents { cursor } }' });
      keepDoing(2000, () => send(target.url, headers, body), did);
    },
  },
];

/** Without a token. */
const anonymous: readonly ClientAttack[] = [
  {
    name: '2,000 connections that send a byte at a time',
    start: (target, did) => {
      const head = `GET /health HTTP/1.1\r\nHost: ${new URL(target.url).host}\r\nX: ${'x'.repeat(10_000)}`;
      const loris = async (): Promise<void> => {
        const socket = await raw(target);
        for (let at = 0; !socket.destroyed && at < head.length; at++) {
          socket.write(head.charAt(at));
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
      };
      keepDoing(2000, loris, did);
    },
  },
  {
    name: 'connections that are opened and closed',
    start: (target, did) => keepDoing(64, async () => (await raw(target)).destroy(), did),
  },
  {
    name: 'wrong tokens',
    start: (target, did) => {
      const headers = { authorization: `Bearer ${'x'.repeat(43)}`, ...JSON_TYPE };
      keepDoing(256, () => send(target.url, headers, '{"query":"{ server { version } }"}'), did);
    },
  },
  {
    name: 'bodies of 16 MB',
    start: (target, did) => {
      const body = `{"query":"${'x'.repeat(15_000_000)}"}`;
      keepDoing(16, () => send(target.url, JSON_TYPE, body), did);
    },
  },
  {
    name: 'what is no HTTP',
    start: (target, did) => {
      const flood = async (): Promise<void> => {
        const socket = await raw(target);
        socket.resume().write(Buffer.alloc(64 * 1024, 'x'));
        await once(socket, 'close');
      };
      keepDoing(64, flood, did);
    },
  },
  {
    name: 'WebSockets that are opened',
    start: (target, did) => keepDoing(256, async () => (await open(target)).terminate(), did),
  },
  {
    name: 'WebSockets with pings of 1 MB, unread',
    start: (target, did) => {
      const ping = Buffer.concat([
        Buffer.from([0x89, 0xff, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0]),
        Buffer.alloc(MIB),
      ]);
      const flood = async (): Promise<void> => {
        const socket = await raw(target);
        socket.write(
          `GET /graphql HTTP/1.1\r\nHost: ${new URL(target.url).host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
            'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n' +
            'Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n',
        );
        socket.write(ping);
        await once(socket.resume(), 'close');
      };
      keepDoing(64, flood, did);
    },
  },
  {
    name: 'WebSockets with pings that are small',
    start: (target, did) => {
      const flood = async (): Promise<void> => {
        const socket = await open(target);
        while (socket.readyState === WebSocket.OPEN) {
          for (let number = 0; number < 100; number++) socket.ping(Buffer.alloc(125));
          await new Promise(setImmediate);
          if (socket.bufferedAmount > MIB) await new Promise((resolve) => setTimeout(resolve, 5));
          did();
        }
      };
      keepDoing(64, flood, () => undefined);
    },
  },
];

/** All of them, and whether they have a token. */
export const clientAttacks: readonly (ClientAttack & { readonly hasToken: boolean })[] = [
  ...known.map((attack) => ({ ...attack, hasToken: true })),
  ...anonymous.map((attack) => ({ ...attack, hasToken: false })),
];
