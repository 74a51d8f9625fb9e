/** The file `isolation` of a job, as the server reads it. */

import { capabilityNames } from '../capabilities.ts';
import { Fields, FieldsError } from './fields.ts';
import { type IdRange, parseMap } from './id-map.ts';

/** A namespace that a command runs in. */
export interface CellNamespace {
  /** As in /proc/PID/ns: `user`, `pid`, `mnt`, `uts`, `ipc`, `net`, `cgroup` or `time`. */
  readonly kind: string;
  /** Two processes with the same number are in the same namespace. */
  readonly inode: number;
}

/** Capabilities by name, without `CAP_`: the five sets of capabilities(7). */
export interface CapabilitySets {
  readonly inheritable: readonly string[];
  readonly permitted: readonly string[];
  readonly effective: readonly string[];
  readonly bounding: readonly string[];
  readonly ambient: readonly string[];
}

/** What confines a command, as the kernel reported it once the command had been executed. */
export interface Isolation {
  readonly namespaces: readonly CellNamespace[];
  /** Effective ids on the host. */
  readonly uid: number;
  readonly gid: number;
  readonly uidMap: readonly IdRange[];
  readonly gidMap: readonly IdRange[];
  readonly capabilities: CapabilitySets;
  readonly noNewPrivileges: boolean;
  /** 0: none, 1: strict, 2: filter (seccomp(2)). */
  readonly seccomp: number;
  /** `null`: the job has no cgroup. */
  readonly cgroup: {
    /** Relative to the mount point of cgroup2. */
    readonly path: string;
    /** Its files that limit something, with their contents. */
    readonly files: readonly { readonly name: string; readonly value: string }[];
  } | null;
}

/**
 * Reads the file `isolation` of a job's folder (format: `launcher/isolation.h`).
 *
 * @returns `undefined` for an incomplete one: the disk was full, or the job ended too soon
 */
export const parseIsolation = (data: Buffer): Isolation | undefined => {
  const namespaces: CellNamespace[] = [];
  const files: { name: string; value: string }[] = [];
  const texts = new Map<string, string>();
  try {
    const fields = new Fields('isolation', data);
    fields.expect('cell-isolation');
    fields.expect('1');
    for (let name = fields.next(); name !== 'end'; name = fields.next()) {
      const text = fields.next();
      if (name === 'namespace') namespaces.push({ kind: text, inode: Number(fields.next()) });
      else if (name === 'file') files.push({ name: text, value: fields.next().trim() });
      else texts.set(name, text);
    }
  } catch (error) {
    if (error instanceof FieldsError) return undefined;
    throw error;
  }
  const status = texts.get('status');
  if (status === undefined) return undefined;
  const field = (name: string): readonly string[] =>
    new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1]?.split(/\s+/) ?? [];
  const set = (name: string): readonly string[] => capabilityNames(BigInt(`0x${field(name)[0] ?? '0'}`));
  return {
    namespaces,
    // Real, effective, saved and file system id (proc_pid_status(5)).
    uid: Number(field('Uid')[1]),
    gid: Number(field('Gid')[1]),
    uidMap: parseMap(texts.get('uid_map') ?? ''),
    gidMap: parseMap(texts.get('gid_map') ?? ''),
    capabilities: {
      inheritable: set('CapInh'),
      permitted: set('CapPrm'),
      effective: set('CapEff'),
      bounding: set('CapBnd'),
      ambient: set('CapAmb'),
    },
    noNewPrivileges: field('NoNewPrivs')[0] === '1',
    seccomp: Number(field('Seccomp')[0]),
    cgroup: cgroupOf(texts.get('cgroup') ?? '', files),
  };
};

/** The line of cgroup v2, `0::/path`, among those of v1 (cgroups(7)). It is marked once its cgroup is deleted. */
const cgroupOf = (
  text: string,
  files: readonly { readonly name: string; readonly value: string }[],
): Isolation['cgroup'] => {
  const path = /^0::(.*?)(?: \(deleted\))?$/m.exec(text)?.[1];
  return path === undefined ? null : { path, files };
};
