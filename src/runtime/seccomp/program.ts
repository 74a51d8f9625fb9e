/** Instructions of classic BPF, as seccomp(2) runs them. */

/** An instruction of classic BPF: `struct sock_filter` of linux/filter.h. */
export interface Instruction {
  readonly code: number;
  /** Instructions that a conditional jump skips if the condition holds, and if it does not. */
  readonly ifTrue: number;
  readonly ifFalse: number;
  readonly operand: number;
}

/** The most instructions that the kernel accepts (BPF_MAXINSNS). */
export const MOST_INSTRUCTIONS = 4096;
/** A conditional jump has 8 bits for a distance. */
export const FARTHEST_BRANCH = 255;

/** Codes of instructions, as far as they are used (linux/bpf_common.h). */
export const CODE = {
  /** Loads 32 bits of the examined data: BPF_LD | BPF_W | BPF_ABS. */
  load: 0x20,
  /** BPF_ALU | BPF_AND | BPF_K */
  and: 0x54,
  /** BPF_JMP | BPF_JA */
  jump: 0x05,
  /** BPF_JMP | BPF_JEQ | BPF_K */
  ifEqual: 0x15,
  /** BPF_JMP | BPF_JGE | BPF_K */
  ifAtLeast: 0x35,
  /** BPF_RET | BPF_K */
  answer: 0x06,
} as const;

/** What a filter returns: one of these and, for an errno, the number (linux/seccomp.h). */
export const ANSWER = { allow: 0x7fff_0000, errno: 0x0005_0000, killProcess: 0x8000_0000 } as const;

/** Offsets in the data that a filter examines: `struct seccomp_data`, on little-endian machines. */
export const OFFSET = {
  number: 0,
  architecture: 4,
  argument: (index: number, half: 'low' | 'high'): number => 16 + 8 * index + (half === 'low' ? 0 : 4),
} as const;

const INSTRUCTION_BYTES = 8;

/** The program as `struct sock_filter[]` in memory, in hexadecimal digits. */
export const encodeProgram = (program: readonly Instruction[]): string => {
  const bytes = Buffer.alloc(program.length * INSTRUCTION_BYTES);
  for (const [index, { code, ifTrue, ifFalse, operand }] of program.entries()) {
    const at = index * INSTRUCTION_BYTES;
    bytes.writeUInt16LE(code, at);
    bytes.writeUInt8(ifTrue, at + 2);
    bytes.writeUInt8(ifFalse, at + 3);
    bytes.writeUInt32LE(operand, at + 4);
  }
  return bytes.toString('hex');
};
