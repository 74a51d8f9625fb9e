/** Ways out through the network. */

import { createServer, type Server } from 'node:net';
import { afterAll, beforeAll } from 'vitest';
import { battery } from './support/battery.ts';
import { NEGLIGENT } from './support/making.ts';

const NAME = `cloister-canary-${process.pid}`;
const canaries: Server[] = [];
let port = 0;

const listen = (address: { port: number; host: string } | { path: string }): Promise<Server> =>
  new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', reject).listen(address, () => resolve(server));
  });

beforeAll(async () => {
  const tcp = await listen({ port: 0, host: '127.0.0.1' });
  const address = tcp.address();
  port = typeof address === 'object' && address !== null ? address.port : 0;
  canaries.push(tcp, await listen({ path: `\0${NAME}` }));
});

afterAll(async () => {
  for (const canary of canaries) await new Promise((resolve) => canary.close(resolve));
});

battery(
  'the network',
  [
    {
      name: 'what listens on loopback of the host cannot be reached',
      rule: 'network_namespaces(7); CVE-2020-15257 for its like',
      script: '$PROBE connect tcp 127.0.0.1 $PORT',
      answer: 'ECONNREFUSED',
      otherwise: 'ok',
      weak: NEGLIGENT,
    },
    {
      name: 'sockets of the host that have a name and no file cannot be reached',
      rule: 'CVE-2020-15257: containerd-shim',
      script: '$PROBE abstract $NAME',
      answer: 'ECONNREFUSED',
      otherwise: 'ok',
      weak: NEGLIGENT,
    },
    {
      name: 'sockets of the host are not listed',
      rule: 'proc_pid_net(5)',
      script: 'grep -c "@$NAME" /proc/self/net/unix',
      answer: '0',
      otherwise: /^[1-9]/,
      weak: NEGLIGENT,
    },
  ],
  () => ({ PORT: String(port), NAME }),
);
