/**
 * Writes a log as a supervisor would, frame after frame, some of them in two parts. Next to it are
 * `<path>.STDOUT` and `<path>.STDERR`: the bytes of each stream as they were.
 *
 *     node writer.ts PATH SEED FRAMES
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { encodeFrame } from '../../../src/runtime/log/frame.ts';

const [path = '', seed = '1', frames = '1'] = process.argv.slice(2);
let state = Number(seed);
const random = (below: number): number => {
  state = (state * 48271) % 2147483647;
  return state % below;
};

const log = openSync(path, 'a');
const raw = { STDOUT: openSync(`${path}.STDOUT`, 'a'), STDERR: openSync(`${path}.STDERR`, 'a') };
const words = Buffer.from('ä€😀 plain text, \u0000 and a newline\n\uFEFF'.repeat(2500));
for (let number = 0; number < Number(frames); number++) {
  const stream = random(3) === 0 ? 'STDERR' : 'STDOUT';
  const start = random(50);
  const length = random(20) === 0 ? random(65536) : random(200);
  const bytes = words.subarray(start, start + length);
  const frame = encodeFrame({ kind: 'output', stream, timeNs: BigInt(number), bytes });
  const cut = random(3) === 0 ? random(frame.length) : 0;
  writeSync(raw[stream], bytes);
  if (cut > 0) writeSync(log, frame.subarray(0, cut));
  if (random(2) === 0) await setImmediate();
  writeSync(log, frame.subarray(cut));
}
for (const file of [log, raw.STDOUT, raw.STDERR]) closeSync(file);
