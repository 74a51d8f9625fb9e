// How QEMU is started as the test machine.
import type { Foreign } from './foreign.ts';
import type { Guest } from './guest.ts';
import { CONSOLE, CONTROL, type Launch, STDERR, STDOUT } from './machine.ts';

export const QEMU = 'qemu-system-x86_64';
export type QemuAccelerator = 'kvm' | 'tcg';

// One thread for both CPUs. With one for each, QEMU before 8.1 may translate a page while the other CPU writes it, and
// run code as it was half-way (deba78709ae8 there): one in eight starts of Node.js failed, and none with one thread.
const EMULATED = 'tcg,thread=single';
// Programs take the widest vectors that there are, and the emulator is slow at those.
const EMULATED_CPU = 'max,-avx,-avx2,-f16c';

/** @param memoryMib of the machine; only what it touches is taken from the host */
export const qemu = (guest: Guest, accelerator: QemuAccelerator, memoryMib: number): Launch => ({
  program: QEMU,
  parameters: [
    ...(accelerator === 'kvm'
      ? ['-accel', 'kvm', '-cpu', 'host']
      : ['-accel', EMULATED, '-cpu', EMULATED_CPU]),
    ...machine(guest, memoryMib, 'console=ttyS0 mitigations=off'),
  ],
});

/** @param project the folder of the project, which that machine sees with some files replaced */
export const qemuForeign = (foreign: Foreign, project: string, memoryMib: number): Launch => ({
  program: foreign.program,
  parameters: [
    ...['-accel', EMULATED, ...foreign.machine],
    ...machine(
      foreign,
      memoryMib,
      `console=${foreign.console} mitigations=off foreign=${foreign.folder} project=${project}`,
    ),
  ],
});

const machine = (guest: Guest, memoryMib: number, append: string): string[] => {
  const port = (name: string): string[] => ['-device', `virtserialport,chardev=${name},name=${name}`];
  const socket = (name: string, fd: number): string[] => ['-chardev', `socket,id=${name},fd=${fd}`];
  const share = 'local,path=/,mount_tag=root,security_model=none,readonly=on,multidevs=remap';
  return [
    ...['-smp', '2', '-m', `${memoryMib}M`],
    ...['-nodefaults', '-display', 'none', '-no-reboot'],
    ...['-kernel', guest.kernel, '-initrd', guest.initramfs],
    ...['-append', `${append} loglevel=7 panic=-1 oops=panic random.trust_cpu=on machine=qemu`],
    ...['-virtfs', share],
    ...[...socket('console', CONSOLE), '-serial', 'chardev:console'],
    ...['-device', 'virtio-serial-pci'],
    ...[...socket('control', CONTROL), ...port('control')],
    ...[...socket('stdout', STDOUT), ...port('stdout')],
    ...[...socket('stderr', STDERR), ...port('stderr')],
  ];
};
