/**
 * A server, as far as its cgroups go: opens them with the options of its first argument (JSON), prints what it has and
 * where it is, the path of each job in its second argument, and closes them at the end of its input.
 */
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { openCgroups } from '../../../src/runtime/cgroup/tree.ts';

const report = (value: unknown) => process.stdout.write(`${JSON.stringify(value)}\n`);
const own = () => /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1];

const cgroups = await openCgroups(JSON.parse(process.argv[2] ?? '{}'));
const paths = JSON.parse(process.argv[3] ?? '[]').map((id: string) => {
  try {
    return cgroups.jobPath(id);
  } catch (error) {
    return String(error);
  }
});
report({ ...cgroups, paths, obstacles: Object.fromEntries(cgroups.obstacles), own: own() });
await text(process.stdin);
await cgroups.close();
report({ own: own() });
