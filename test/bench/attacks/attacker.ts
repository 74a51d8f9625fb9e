/**
 * A process that attacks a server until it is killed: `node test/bench/attacks/attacker.ts NAME URL TOKEN` with an IPC
 * channel. It says `true` as soon as it has begun, and then each second how much it has done.
 */

import { clientAttacks } from './clients.ts';

const [name, url = '', token = ''] = process.argv.slice(2);
const attack = clientAttacks.find((each) => each.name === name);
if (attack === undefined) throw new Error(`there is no attack ${name}`);
let done = 0;
await attack.start({ url, token }, () => {
  done += 1;
});
process.send?.(true);
setInterval(() => process.send?.(done), 1000);
process.once('disconnect', () => process.exit());
