/** Cells that lack one defence, in which an attempt must succeed to count. */

import { mountSteps } from '../../../src/runtime/mounts.ts';
import { type LaunchPlan, MOUNT, type Step } from '../../../src/runtime/protocol/plan.ts';
import type { Edit } from '../../support/programs.ts';

/**
 * How a cell is made: what differs in its plan, and whether the launcher or a negligent one makes it; or no cell is made,
 * and root of the host runs the probe.
 */
export interface Making {
  readonly plan?: Partial<LaunchPlan>;
  readonly launcher?: 'negligent';
  readonly outside?: true;
}

/** How the server makes cells. */
export const CELL: Making = {};

/** No cell: for files that only their owner protects, and only to open them. */
export const OUTSIDE: Making = { outside: true };

const stepsWith = (cgroup: boolean, devices = true): Step[] =>
  mountSteps({ shmBytes: 1 << 20, ids: 65_536, hostname: 'cell', cgroup, devices });
export const STEPS: readonly Step[] = stepsWith(true);

const without = (...kinds: readonly Step['kind'][]): Step[] =>
  STEPS.filter(({ kind }) => !kinds.includes(kind));

/** A folder of the cell that is one of the host. */
const hosts = (path: string): Step[] => [
  { kind: 'bind', source: path, path, attributes: 0 },
  ...STEPS.filter((step) => step.path !== path && !step.path.startsWith(`${path}/`)),
];

const ALL_CAPABILITIES = (1n << 41n) - 1n;

export const UNFILTERED: Making = { plan: { seccomp: null } };
export const CAPABLE: Making = { plan: { seccomp: null, capabilities: ALL_CAPABILITIES } };
/** As the one before, and its user namespace may have others below it. */
export const NESTABLE: Making = { plan: { ...CAPABLE.plan, steps: without('write') } };
/** The settings of its namespaces are as the kernel makes them. */
export const UNSET: Making = { plan: { steps: without('write') } };
export const UNMASKED: Making = { plan: { steps: without('mask') } };
export const UNSEALED: Making = { plan: { steps: without('seal') } };
export const CAPABLE_UNSEALED: Making = { plan: { ...CAPABLE.plan, ...UNSEALED.plan } };
export const CAPABLE_UNMASKED: Making = { plan: { ...CAPABLE.plan, ...UNMASKED.plan } };
/** No mount has an attribute. */
export const UNATTRIBUTED: Making = {
  plan: { steps: without('seal').map((step) => ('attributes' in step ? { ...step, attributes: 0 } : step)) },
};
export const HOSTS_SYS: Making = { plan: { steps: hosts('/sys') } };
/** Its device nodes are those of the host, as those of a server that is not root. */
export const HOSTS_NODES: Making = { plan: { steps: stepsWith(true, false) } };
export const HOSTS_DEV: Making = { plan: { steps: hosts('/dev') } };

/**
 * A launcher that does half of its work: no namespaces but those of users and mounts, which root of the machine makes,
 * no `no_new_privs`, links are followed, descriptors, signals and keys are passed on, its init can be inspected. Cells
 * have all capabilities, because these apply only to the ids of their user namespace, which are nobody on the host. They
 * have no filter: without `no_new_privs` none can be loaded. What they see as /proc is the host's.
 */
export const NEGLIGENT: Making = {
  launcher: 'negligent',
  plan: {
    ...CAPABLE.plan,
    steps: [
      ...stepsWith(false).filter(
        ({ kind, path }) => !['mask', 'write', 'seal', 'rebind'].includes(kind) && path !== '/proc',
      ),
      { kind: 'bind', source: '/proc', path: '/proc', attributes: MOUNT.NOSUID | MOUNT.NODEV | MOUNT.NOEXEC },
    ],
  },
};

export const NEGLECTED: readonly Edit[] = [
  {
    file: 'supervisor.c',
    text: 'CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET',
    by: 'CLONE_NEWUSER | CLONE_NEWNS',
  },
  {
    file: 'supervisor.c',
    text: 'act_as(maker(&self->plan)) ||',
    by: 'true ||',
  },
  { file: 'supervisor.c', text: '(void)!join_new_keyring();', by: '' },
  { file: 'spawner.c', text: '!join_new_keyring()', by: 'false' },
  { file: 'init.c', text: 'close_supervisors(plan, fds);', by: '' },
  { file: 'init.c', text: 'unshare(CLONE_NEWCGROUP) != 0', by: 'false' },
  { file: 'init.c', text: 'prctl(PR_SET_DUMPABLE, 0) == 0', by: 'prctl(PR_SET_DUMPABLE, 1) == 0' },
  { file: 'init.c', text: 'plan->hostname == NULL ||', by: 'true ||' },
  { file: 'init.c', text: '!raise_loopback()', by: 'false' },
  { file: 'command.c', text: 'prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0', by: 'false' },
  { file: 'command.c', text: '  reset_signals();\n', by: '' },
  { file: 'command.c', text: 'close_range(3, ~0u, CLOSE_RANGE_CLOEXEC) != 0', by: 'false' },
  { file: 'root.c', text: '"overlay", MS_NOSUID | MS_NODEV,', by: '"overlay", 0,' },
  {
    file: 'root.c',
    text: 'open_private(path, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, 0)',
    by: 'open_private(path, MOUNT_ATTR_RDONLY, 0)',
  },
  {
    file: 'root.c',
    text: 'RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS',
    by: 'RESOLVE_IN_ROOT',
  },
];
