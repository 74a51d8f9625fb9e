// Runtimes size heaps and thread pools by the limits of their job: they can read them as they do in a container.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestServer } from '../support/server.ts';

const MIB = 1024 * 1024;

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
});

afterAll(() => server.dispose());

// The JVM, Go and .NET look for the mount in mountinfo and for the cgroup below it in /proc/self/cgroup; Node.js takes the
// mount for granted.
const READ = `
  mount=$(sed -nE 's|^.* / (/sys/[^ ]*) .* - cgroup2 .*|\\1|p' /proc/self/mountinfo)
  own=$(sed -n 's/^0:://p' /proc/self/cgroup)
  cd "$mount$own" && cat memory.max cpu.max pids.max memory.swap.max && echo "$mount"`;

it.each(['0', '1000'])('finds its limits as user %s', async (user) => {
  const { id } = await server.run({
    command: READ,
    user,
    limits: { memory: 256 * MIB, cpus: 0.5, pids: 20 },
  });
  const { stdout, stderr } = await server.output(id);
  expect(stderr).toBe('');
  expect(stdout.trim().split('\n')).toEqual([
    String(256 * MIB),
    '50000 100000',
    // One more than the job's: its init.
    '21',
    '0',
    '/sys/fs/cgroup',
  ]);
});
