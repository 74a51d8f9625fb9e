/** Jobs that take all they can. */

import { resourceLimits } from '../../src/runtime/rlimits.ts';
import { testImage } from '../support/image.ts';
import { battery, type Probe } from './support/battery.ts';
import { CELL, type Making, STEPS } from './support/making.ts';

const UNLIMITED: Making = { plan: { resourceLimits: [] } };
// The 7 is RLIMIT_NOFILE.
const FEW_FILES: Making = { plan: { resourceLimits: [{ resource: 7, soft: 100, hard: 100 }] } };
const FEW: Making = { plan: { resourceLimits: resourceLimits(20) } };

const hoard = (
  thing: string,
  most: number,
  rule: string,
  answer: RegExp,
  weak: Making = UNLIMITED,
  cell: Making = CELL,
): Probe => ({
  name: `${thing} end before ${most}`,
  rule,
  script: `$HOARD ${thing} ${most}`,
  answer,
  otherwise: `all ${most}`,
  cell,
  weak,
});

const image = await testImage();
const layer = (layerOptions: string): Making => ({
  plan: { root: { image, lowers: [], owners: null, layerOptions, overlayOptions: '' } },
});
const SMALL = layer('mode=755,size=1048576,nr_inodes=200');
const LARGE = layer('mode=755,size=67108864');
const SMALL_SHM: Making = CELL;
const LARGE_SHM: Making = {
  plan: {
    steps: STEPS.map((step) =>
      step.kind === 'mount' && step.path === '/dev/shm'
        ? { ...step, options: step.options.replace(/size=\d+/, 'size=16777216') }
        : step,
    ),
  },
};

battery('bombs', [
  hoard('files', 1000, 'RLIMIT_NOFILE', /^EMFILE \d{2}$/, CELL, FEW_FILES),
  hoard('signals', 5000, 'RLIMIT_SIGPENDING', /^EAGAIN 4\d{3}$/),
  hoard('locks', 100, 'RLIMIT_MEMLOCK', /^(ENOMEM|EAGAIN|EPERM) \d{1,2}$/),
  hoard('children', 100, 'RLIMIT_NPROC: the fallback of pids.max', /^EAGAIN \d{1,2}$/, UNLIMITED, FEW),
  hoard('threads', 100, 'RLIMIT_NPROC counts threads', /^EAGAIN \d{1,2}$/, UNLIMITED, FEW),
  {
    name: 'the disk ends',
    rule: 'tmpfs(5): size',
    script: 'dd if=/dev/zero of=/tmp/f bs=64k count=64 2>&1 | grep -o "No space.*"; rm -f /tmp/f',
    answer: 'No space left on device',
    otherwise: '',
    cell: SMALL,
    weak: LARGE,
  },
  {
    name: 'files end',
    rule: 'tmpfs(5): nr_inodes',
    script:
      'mkdir /tmp/i; i=0; while [ $i -lt 400 ] && echo >/tmp/i/$i; do i=$((i+1)); done 2>/dev/null; [ $i -lt 200 ] && echo ended || echo all',
    answer: 'ended',
    otherwise: 'all',
    cell: SMALL,
    weak: LARGE,
  },
  {
    name: 'shared memory ends',
    rule: 'shm_overview(7)',
    script: 'dd if=/dev/zero of=/dev/shm/f bs=64k count=64 2>&1 | grep -o "No space.*"; rm -f /dev/shm/f',
    answer: 'No space left on device',
    otherwise: '',
    cell: SMALL_SHM,
    weak: LARGE_SHM,
  },
]);
