/** The remedies for machines that forbid cells. */

import { describe, expect, it } from 'vitest';
import { explainFailure } from '../../src/runtime/launch-failure.ts';
import { remedyFor } from '../../src/runtime/remedies.ts';
import { disposers } from '../support/disposers.ts';
import { files } from './cgroup/fixture.ts';

const onEnd = disposers();

const EPERM = 1;
const ENODEV = 19;
const EINVAL = 22;
const ENOSPC = 28;

describe('remedyFor', () => {
  it.each([
    ['kernel.apparmor_restrict_unprivileged_userns', '1', '/etc/apparmor.d/cloister'],
    ['kernel.unprivileged_userns_clone', '0', 'sysctl -w kernel.unprivileged_userns_clone=1'],
    ['user.max_user_namespaces', '0', 'sysctl -w user.max_user_namespaces=10000'],
  ])('names %s where it is %s', async (sysctl, value, remedy) => {
    const proc = files(onEnd, { [`sys/${sysctl.replaceAll('.', '/')}`]: `${value}\n` });
    const text = await remedyFor({ step: 'namespace', errno: EPERM }, proc);
    expect(text).toContain(`${sysctl} is ${value}: `);
    expect(text).toContain(remedy);
    expect(text).not.toContain('docker');
  });

  it('looks at containers where the machine forbids nothing', async () => {
    const proc = files(onEnd, { 'sys/user/max_user_namespaces': '1000\n' });
    expect(await remedyFor({ step: 'clone', errno: EPERM }, proc)).toContain('seccomp=unconfined');
    expect(await remedyFor({ step: 'pivot_root', errno: EPERM }, proc)).toContain('apparmor=unconfined');
  });

  it.each(['clone', 'unshare', 'namespace', 'owners'])(
    'names a limit of namespaces at the step %s',
    async (step) => {
      const failure = { step, errno: ENOSPC, subject: '', second: '' };
      expect(await remedyFor(failure, files(onEnd, {}))).toContain('sysctl -w user.max_user_namespaces=');
      expect(explainFailure(failure)).toContain('/proc/sys/user/max_*_namespaces');
    },
  );

  it.each([
    ['cgroup', '/sys/fs/cgroup/cloister-1/jobs/x'],
    ['image', '/srv/state/images/alpine'],
    ['overlay', '/srv/state/images/alpine'],
    ['owners', '/srv/state/images/alpine'],
    ['bind', '/srv/state/file'],
  ])('shows no path outside the cell to the one who submitted the job (%s)', (step, subject) => {
    const text = explainFailure({ step, errno: EPERM, subject, second: '' });
    expect(text).toContain(`the cell could not be set up: ${step}: operation not permitted`);
    expect(text).not.toContain(subject);
  });

  it('knows a chroot', async () => {
    const proc = files(onEnd, {});
    expect(await remedyFor({ step: 'unshare', errno: EINVAL }, proc)).toContain(
      'the server runs in a chroot',
    );
    expect(await remedyFor({ step: 'unshare', errno: EPERM }, proc)).not.toContain('chroot');
  });

  it('knows covered parts of /proc, a kernel without overlay, and layers of layers', async () => {
    const proc = files(onEnd, {});
    expect(await remedyFor({ step: 'mount', errno: EPERM }, proc)).toContain('systempaths=unconfined');
    expect(await remedyFor({ step: 'overlay', errno: ENODEV }, proc)).toContain('modprobe overlay');
    expect(await remedyFor({ step: 'overlay', errno: EINVAL }, proc)).toContain('put it on a volume');
    expect(await remedyFor({ step: 'cgroup', errno: EPERM }, proc)).toContain('--cgroup-root');
    expect(await remedyFor({ step: 'streams', errno: EINVAL }, proc)).toContain('cloister doctor');
  });
});
