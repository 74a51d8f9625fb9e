/** Whole numbers from 0 up to (not with) `below`. */
export type Random = (below: number) => number;

const MODULUS = 2_147_483_647;

/** Numbers that are the same for the same seed, from 1 to 2147483646 (Park and Miller's generator). */
export const randomFrom = (seed: number): Random => {
  let state = seed;
  return (below) => {
    state = (state * 48271) % MODULUS;
    return state % below;
  };
};

/** One of some values. */
export const pick = <T>(random: Random, values: readonly [T, ...T[]]): T =>
  values[random(values.length)] ?? values[0];

/** From 0 to (not with) `below` values, each made by itself. */
export const some = <T>(random: Random, below: number, make: () => T): T[] =>
  Array.from({ length: random(below) }, make);

/**
 * Bytes that were changed a little: bits flipped, parts overwritten, cut, doubled, moved or filled, as often as not
 * more than one of that.
 */
export const mutate = (random: Random, bytes: Buffer): Buffer => {
  let changed: Buffer = Buffer.from(bytes);
  do changed = mutateOnce(random, changed);
  while (random(3) === 0);
  return changed;
};

const EDGES = [0x00, 0x01, 0x0a, 0x30, 0x39, 0x7f, 0x80, 0xff] as const;

const mutateOnce = (random: Random, bytes: Buffer): Buffer => {
  const from = random(bytes.length + 1);
  const to = Math.min(bytes.length, from + 1 + random(random(2) === 0 ? 4 : 64));
  const [head, part, tail] = [bytes.subarray(0, from), bytes.subarray(from, to), bytes.subarray(to)];
  switch (random(7)) {
    case 0:
      return Buffer.concat([head, flipped(random, part), tail]);
    case 1:
      return Buffer.concat([head, part.map(() => pick(random, EDGES)), tail]);
    case 2:
      return Buffer.concat([head, tail]);
    case 3:
      return Buffer.concat([head, part, part, tail]);
    case 4:
      return Buffer.from(head);
    case 5:
      return Buffer.concat([tail, part, head]);
    default:
      return Buffer.concat([head, Buffer.from(some(random, 20, () => random(256))), part, tail]);
  }
};

const flipped = (random: Random, bytes: Buffer): Buffer => {
  const copy = Buffer.from(bytes);
  if (copy.length > 0) {
    const at = random(copy.length);
    copy.writeUInt8(copy.readUInt8(at) ^ (1 << random(8)), at);
  }
  return copy;
};
