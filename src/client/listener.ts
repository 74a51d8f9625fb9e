/** Which user listens on a TCP port of this machine, from /proc/net/tcp. */

import { readFile } from 'node:fs/promises';
import { endianness } from 'node:os';
import { hasErrno } from '../errno.ts';

/** The state of a listening socket in /proc/net/tcp (include/net/tcp_states.h). */
const LISTEN = '0A';

/**
 * The users whose sockets listen where a connection to this address would arrive: proc_pid_net(5), /proc/net/tcp.
 *
 * @param host a loopback address, or `localhost`
 * @returns uids; empty when nobody listens
 */
export const listenerUids = async (host: string, port: number): Promise<readonly number[]> => {
  const tables = await Promise.all([readTable('tcp'), readTable('tcp6')]);
  const addresses = addressesOf(host);
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return tables
    .flatMap((table) => table.split('\n').slice(1))
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local = '', , state]) => state === LISTEN && local.endsWith(suffix))
    .filter(([, local = '']) => addresses.includes(local.slice(0, -suffix.length)))
    .map((fields) => Number(fields[7]));
};

/** Empty where the kernel has no such protocol. */
const readTable = async (name: string): Promise<string> => {
  try {
    return await readFile(`/proc/net/${name}`, 'utf8');
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return '';
    throw error;
  }
};

/** The addresses, as the kernel prints them, whose listeners get what is sent to a host. */
const addressesOf = (host: string): readonly string[] => {
  const bare = host.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  const four = bare === 'localhost' ? '127.0.0.1' : bare;
  const mapped = [0, 0, 0xffff];
  const words: (readonly number[])[] = [[0, 0, 0, 0]];
  if (bare === '::1' || bare === 'localhost') words.push([0, 0, 0, 1]);
  if (bare !== '::1') words.push([word(four)], [0], [...mapped, word(four)], [...mapped, 0]);
  return words.map((address) => address.map(printed).join(''));
};

const word = (address: string): number =>
  address.split('.').reduce((value, part) => value * 256 + Number(part), 0);

/** A word of an address in network byte order, printed as a number in this machine's byte order. */
const printed = (value: number): string => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  const own = endianness() === 'LE' ? bytes.readUInt32LE() : value;
  return own.toString(16).toUpperCase().padStart(8, '0');
};
