/** A system call as a filter sees it: `struct seccomp_data` of linux/seccomp.h. */
export interface Call {
  readonly architecture: number;
  readonly number: number;
  /** Registers, 64 bits each; unused ones are 0. */
  readonly args?: readonly bigint[];
}

export interface Outcome {
  /** "allow", "kill" or the number of an errno. */
  readonly verdict: 'allow' | 'kill' | number;
  readonly steps: number;
  /** The verdict was found without a look at the arguments. */
  readonly constant: boolean;
}

interface Instruction {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

const DATA_BYTES = 64;
const ARGS_OFFSET = 16;

/**
 * Runs programs of seccomp(2) as the kernel does (kernel/seccomp.c, net/core/filter.c), apart from the compiler: it
 * shares nothing with it, and refuses what the kernel's checker would.
 */
export class Interpreter {
  readonly program: readonly Instruction[];

  constructor(hex: string) {
    const bytes = Buffer.from(hex, 'hex');
    if (bytes.length * 2 !== hex.length || bytes.length % 8 !== 0) throw new Error('no program');
    this.program = Array.from({ length: bytes.length / 8 }, (_, index) => ({
      code: bytes.readUInt16LE(8 * index),
      jt: bytes.readUInt8(8 * index + 2),
      jf: bytes.readUInt8(8 * index + 3),
      k: bytes.readUInt32LE(8 * index + 4),
    }));
    this.#check();
  }

  /** As bpf_check_classic() and seccomp_check_filter(). */
  #check(): void {
    const { length } = this.program;
    if (length < 1 || length > 4096) throw new Error(`${length} instructions`);
    for (const [at, { code, jt, jf, k }] of this.program.entries()) {
      const farthest = code === 0x05 ? k : Math.max(jt, jf);
      const jumps = [0x05, 0x15, 0x25, 0x35, 0x45].includes(code);
      if (jumps && at + 1 + farthest >= length) throw new Error(`jump out of the program at ${at}`);
      if (code === 0x20 && (k % 4 !== 0 || k >= DATA_BYTES)) throw new Error(`load of ${k} at ${at}`);
      if (!jumps && ![0x20, 0x54, 0x06].includes(code)) throw new Error(`unknown code ${code} at ${at}`);
    }
    if (this.program.at(-1)?.code !== 0x06) throw new Error('no answer at the end');
  }

  run({ architecture, number, args = [] }: Call): Outcome {
    const data = Buffer.alloc(DATA_BYTES);
    data.writeUInt32LE(number >>> 0, 0);
    data.writeUInt32LE(architecture, 4);
    for (const [index, value] of args.entries())
      data.writeBigUInt64LE(BigInt.asUintN(64, value), ARGS_OFFSET + 8 * index);
    let accumulator = 0;
    let constant = true;
    for (let at = 0, steps = 1; ; at++, steps++) {
      const instruction = this.program[at];
      if (instruction === undefined) throw new Error('fell out of the program');
      const { code, jt, jf, k } = instruction;
      if (code === 0x06) return { verdict: verdictOf(k), steps, constant };
      if (code === 0x20) {
        accumulator = data.readUInt32LE(k);
        if (k > 4) constant = false;
      } else if (code === 0x54) accumulator = (accumulator & k) >>> 0;
      else if (code === 0x05) at += k;
      else if (code === 0x15) at += accumulator === k ? jt : jf;
      else if (code === 0x35) at += accumulator >= k ? jt : jf;
      else if (code === 0x25) at += accumulator > k ? jt : jf;
      else at += (accumulator & k) !== 0 ? jt : jf;
    }
  }
}

const verdictOf = (answer: number): Outcome['verdict'] => {
  if (answer === 0x7fff_0000) return 'allow';
  if (answer === 0x8000_0000) return 'kill';
  if (answer >>> 16 === 5) return answer & 0xffff;
  throw new Error(`answer ${answer.toString(16)}`);
};
