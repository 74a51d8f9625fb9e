/** Commands in the cell of a job: how many there may be. */

import { beforeEach, expect, it } from 'vitest';
import { exited } from '../jobs/fake-cells.ts';
import { disposers } from '../support/disposers.ts';
import { caller, World } from './world.ts';

const ALICE = caller('alice', 'USER');

const dispose = disposers();
let world: World;

beforeEach(async () => {
  world = await World.open(dispose);
});

it('are bounded, also when they come at once, and one that has ended makes room', async () => {
  const submit = async (field: string, jobId = ''): Promise<string> => {
    const input = `${jobId && `jobId: "${jobId}", `}command: "true"`;
    const { data, errors } = await world.ask(
      ALICE,
      `mutation { ${field}(input: { ${input} }) { job { id } } }`,
    );
    const made = data?.[field] as { job: { id: string } } | null | undefined;
    return made?.job.id ?? `${errors?.[0]?.extensions?.['code']}: ${errors?.[0]?.message}`;
  };
  const full = await submit('submitJob');
  world.cells.execute(full);
  const made = await Promise.all(Array.from({ length: 50 }, () => submit('execInJob', full)));
  const refused = made.filter((each) => each.startsWith('UNAVAILABLE: 32 commands run in the cell'));
  expect(refused.length).toBeGreaterThanOrEqual(18);
  const commands = made.filter((each) => !refused.includes(each));
  while (commands.length < 32) commands.push(await submit('execInJob', full));
  expect(await submit('execInJob', full)).toMatch(/^UNAVAILABLE: /);
  const [first = ''] = commands;
  await expect.poll(() => world.cells.cells.has(first)).toBe(true);
  world.cells.execute(first);
  world.cells.finish(first, exited(0));
  await expect.poll(() => submit('execInJob', full)).toMatch(/^[0-9a-f-]{36}$/);
});
