// How QEMU is started as the test machine.
import type { Guest } from './guest.ts';
import { CONSOLE, CONTROL, type Launch, STDERR, STDOUT } from './machine.ts';

export const QEMU = 'qemu-system-x86_64';
export type QemuAccelerator = 'kvm' | 'tcg';

// One thread for both CPUs. With one for each, QEMU before 8.1 may translate a page while the other CPU writes it, and
// run code as it was half-way (deba78709ae8 there): one in eight starts of Node.js failed, and none with one thread.
const EMULATED = 'tcg,thread=single';

/** @param memoryMib of the machine; only what it touches is taken from the host */
export const qemu = (guest: Guest, accelerator: QemuAccelerator, memoryMib: number): Launch => {
  const port = (name: string): string[] => ['-device', `virtserialport,chardev=${name},name=${name}`];
  const socket = (name: string, fd: number): string[] => ['-chardev', `socket,id=${name},fd=${fd}`];
  const share = 'local,path=/,mount_tag=root,security_model=none,readonly=on,multidevs=remap';
  return {
    program: QEMU,
    parameters: [
      ...(accelerator === 'kvm' ? ['-accel', 'kvm', '-cpu', 'host'] : ['-accel', EMULATED, '-cpu', 'max']),
      ...['-smp', '2', '-m', `${memoryMib}M`],
      ...['-nodefaults', '-display', 'none', '-no-reboot'],
      ...['-kernel', guest.kernel, '-initrd', guest.initramfs],
      ...[
        '-append',
        'console=ttyS0 loglevel=7 panic=-1 oops=panic random.trust_cpu=on mitigations=off machine=qemu',
      ],
      ...['-virtfs', share],
      ...[...socket('console', CONSOLE), '-serial', 'chardev:console'],
      ...['-device', 'virtio-serial-pci'],
      ...[...socket('control', CONTROL), ...port('control')],
      ...[...socket('stdout', STDOUT), ...port('stdout')],
      ...[...socket('stderr', STDERR), ...port('stderr')],
    ],
  };
};
