/** The namespaces of this process. */

import { readdir, readlink } from 'node:fs/promises';

/** The namespaces of this process, by kind. */
export const ownNamespaces = async (): Promise<ReadonlyMap<string, number>> => {
  const folder = '/proc/self/ns';
  const inodes = (await readdir(folder)).map(async (kind) => {
    const inode = /\[(\d+)\]$/.exec(await readlink(`${folder}/${kind}`))?.[1];
    return [kind, Number(inode)] as const;
  });
  return new Map(await Promise.all(inodes));
};
