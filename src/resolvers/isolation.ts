/** The type Isolation: what the kernel reports about the confinement of a running command. */

import type { Isolation } from '../jobs/cells.ts';
import type { IdRange } from '../runtime/protocol/id-map.ts';
import type { CapabilitySets } from '../runtime/protocol/isolation.ts';
import { builder } from './builder.ts';

const NamespaceType = builder.objectRef<Isolation['namespaces'][number]>('CellNamespace').implement({
  description: 'A Linux namespace that the command runs in (namespaces(7)).',
  fields: (t) => ({
    kind: t.exposeString('kind', {
      description: 'The name in /proc/PID/ns: "user", "pid", "mnt", "uts", "ipc", "net", "cgroup" or "time".',
    }),
    inode: t.exposeFloat('inode', {
      description:
        'The inode number of the namespace. Two processes share a namespace exactly when they have the same number.',
    }),
    shared: t.exposeBoolean('shared', {
      description: 'Whether the server runs in the same namespace, so that it does not confine the command.',
    }),
  }),
});

const CapabilitySetsType = builder.objectRef<CapabilitySets>('CapabilitySets').implement({
  description:
    'The five capability sets of the command (capabilities(7)), by name without the prefix "CAP_". They apply within its user namespace.',
  fields: (t) => ({
    inheritable: t.stringList({
      description: 'Kept across execve(2) for files that allow it.',
      resolve: ({ inheritable }) => [...inheritable],
    }),
    permitted: t.stringList({
      description: 'What the command may make effective.',
      resolve: ({ permitted }) => [...permitted],
    }),
    effective: t.stringList({
      description: 'What the kernel checks.',
      resolve: ({ effective }) => [...effective],
    }),
    bounding: t.stringList({
      description: 'The upper bound for what execve(2) can grant.',
      resolve: ({ bounding }) => [...bounding],
    }),
    ambient: t.stringList({
      description: 'Kept across execve(2) of ordinary programs.',
      resolve: ({ ambient }) => [...ambient],
    }),
  }),
});

const IdRangeType = builder.objectRef<IdRange>('IdRange').implement({
  description:
    'A line of an id map (user_namespaces(7)): a range of ids of the cell, and its place on the host.',
  fields: (t) => ({
    inside: t.exposeFloat('inside', { description: 'The first id in the cell.' }),
    outside: t.exposeFloat('outside', { description: 'The id on the host that `inside` stands for.' }),
    count: t.exposeFloat('count', { description: 'The number of consecutive ids.' }),
  }),
});

const MODES = ['DISABLED', 'STRICT', 'FILTER'] as const;

const SeccompMode = builder.enumType('SeccompMode', {
  description: 'How system calls are restricted (seccomp(2)).',
  values: {
    DISABLED: { description: 'Not at all.' },
    STRICT: { description: 'Only read, write, _exit and sigreturn are allowed.' },
    FILTER: { description: 'By a filter program.' },
  } as const satisfies Record<(typeof MODES)[number], object>,
});

const CgroupFileType = builder
  .objectRef<{ readonly name: string; readonly value: string }>('CgroupFile')
  .implement({
    description: "A control file of a job's cgroup.",
    fields: (t) => ({
      name: t.exposeString('name', { description: 'The file name, such as "memory.max".' }),
      value: t.exposeString('value', { description: 'The content, such as "536870912" or "max".' }),
    }),
  });

const JobCgroupType = builder.objectRef<NonNullable<Isolation['cgroup']>>('JobCgroup').implement({
  description: 'The cgroup v2 of a job.',
  fields: (t) => ({
    path: t.exposeString('path', { description: 'The path below the mount point of cgroup2.' }),
    files: t.field({
      type: [CgroupFileType],
      description: 'The control files that set a limit, with their content.',
      resolve: ({ files }) => [...files],
    }),
  }),
});

export const IsolationType = builder.objectRef<Isolation>('Isolation').implement({
  description: 'The confinement of a command as reported by the kernel.',
  fields: (t) => ({
    namespaces: t.field({
      type: [NamespaceType],
      description: 'The namespaces the command runs in.',
      resolve: ({ namespaces }) => [...namespaces],
    }),
    uid: t.exposeFloat('uid', { description: 'The effective user id on the host.' }),
    gid: t.exposeFloat('gid', { description: 'The effective group id on the host.' }),
    uidMap: t.field({
      type: [IdRangeType],
      description: 'How user ids of the cell map to ids of the host.',
      resolve: ({ uidMap }) => [...uidMap],
    }),
    gidMap: t.field({
      type: [IdRangeType],
      description: 'How group ids of the cell map to ids of the host.',
      resolve: ({ gidMap }) => [...gidMap],
    }),
    capabilities: t.expose('capabilities', {
      type: CapabilitySetsType,
      description: 'The capabilities of the command.',
    }),
    noNewPrivileges: t.exposeBoolean('noNewPrivileges', {
      description: 'Whether execve(2) can grant no further privileges (PR_SET_NO_NEW_PRIVS).',
    }),
    seccomp: t.field({
      type: SeccompMode,
      description: 'How system calls are restricted.',
      resolve: ({ seccomp }) => MODES[seccomp] ?? 'DISABLED',
    }),
    cgroup: t.expose('cgroup', {
      type: JobCgroupType,
      nullable: true,
      description: 'The cgroup that limits the job; null when the host allows none.',
    }),
  }),
});
