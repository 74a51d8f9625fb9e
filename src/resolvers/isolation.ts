import type { IdRange } from '../runtime/protocol/id-map.ts';
import {
  type CapabilitySets,
  type CellNamespace,
  type Isolation,
  ownNamespaces,
} from '../runtime/protocol/isolation.ts';
import { builder } from './builder.ts';

let own: ReturnType<typeof ownNamespaces> | undefined;

const NamespaceType = builder.objectRef<CellNamespace>('CellNamespace').implement({
  fields: (t) => ({
    kind: t.exposeString('kind', {
      description: 'As in /proc/PID/ns: "user", "pid", "mnt", "uts", "ipc", "net", "cgroup" or "time".',
    }),
    inode: t.exposeFloat('inode', {
      description: 'Two processes are in the same one where this number is the same.',
    }),
    shared: t.boolean({
      description: 'It is the one that the server itself lives in.',
      resolve: async ({ kind, inode }) => {
        own ??= ownNamespaces();
        return (await own).get(kind) === inode;
      },
    }),
  }),
});

const CapabilitySetsType = builder.objectRef<CapabilitySets>('CapabilitySets').implement({
  description: 'Capabilities by name, without "CAP_".',
  fields: (t) => ({
    inheritable: t.stringList({ resolve: ({ inheritable }) => [...inheritable] }),
    permitted: t.stringList({ resolve: ({ permitted }) => [...permitted] }),
    effective: t.stringList({ resolve: ({ effective }) => [...effective] }),
    bounding: t.stringList({ resolve: ({ bounding }) => [...bounding] }),
    ambient: t.stringList({ resolve: ({ ambient }) => [...ambient] }),
  }),
});

const IdRangeType = builder.objectRef<IdRange>('IdRange').implement({
  description: 'Ids of the cell, from `inside` on, and what they are on the host, from `outside` on.',
  fields: (t) => ({
    inside: t.exposeFloat('inside'),
    outside: t.exposeFloat('outside'),
    count: t.exposeFloat('count'),
  }),
});

const MODES = ['DISABLED', 'STRICT', 'FILTER'] as const;

const SeccompMode = builder.enumType('SeccompMode', {
  description: 'As seccomp(2) names them.',
  values: MODES,
});

const CgroupFileType = builder
  .objectRef<{ readonly name: string; readonly value: string }>('CgroupFile')
  .implement({
    fields: (t) => ({ name: t.exposeString('name'), value: t.exposeString('value') }),
  });

const JobCgroupType = builder.objectRef<NonNullable<Isolation['cgroup']>>('JobCgroup').implement({
  fields: (t) => ({
    path: t.exposeString('path', { description: 'From where cgroup2 is mounted.' }),
    files: t.field({
      type: [CgroupFileType],
      description: 'Those that limit something, with what they held.',
      resolve: ({ files }) => [...files],
    }),
  }),
});

export const IsolationType = builder.objectRef<Isolation>('Isolation').implement({
  description: 'What holds a command, as the kernel told it.',
  fields: (t) => ({
    namespaces: t.field({ type: [NamespaceType], resolve: ({ namespaces }) => [...namespaces] }),
    uid: t.exposeFloat('uid', { description: 'Effective, on the host.' }),
    gid: t.exposeFloat('gid', { description: 'Effective, on the host.' }),
    uidMap: t.field({ type: [IdRangeType], resolve: ({ uidMap }) => [...uidMap] }),
    gidMap: t.field({ type: [IdRangeType], resolve: ({ gidMap }) => [...gidMap] }),
    capabilities: t.expose('capabilities', { type: CapabilitySetsType }),
    noNewPrivileges: t.exposeBoolean('noNewPrivileges'),
    seccomp: t.field({ type: SeccompMode, resolve: ({ seccomp }) => MODES[seccomp] ?? 'DISABLED' }),
    cgroup: t.expose('cgroup', { type: JobCgroupType, nullable: true }),
  }),
});
