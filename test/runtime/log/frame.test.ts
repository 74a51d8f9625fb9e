/** Frames of a log. */

import { describe, expect, it } from 'vitest';
import {
  encodeFrame,
  HEADER_BYTES,
  LONGEST_PAYLOAD_BYTES,
  parseHeader,
} from '../../../src/runtime/log/frame.ts';
import { dropped, err, out } from './fixture.ts';

/** `frame` with some header bytes set and the check made right again. */
const forged = (frame: Buffer, set: (header: Buffer) => void): Buffer => {
  const header = Buffer.from(frame);
  set(header);
  let a = 1;
  let b = 0;
  for (const [index, byte] of header.subarray(0, HEADER_BYTES).entries()) {
    if (index === 6 || index === 7) continue;
    a = (a + byte) % 251;
    b = (b + a) % 251;
  }
  header.writeUInt16LE(b * 256 + a, 6);
  return header;
};

describe('frames', () => {
  // The checks are what the launcher's put_header() gives.
  it('lie in the file as the launcher writes them', () => {
    const timeNs = 0x1122334455667788n;
    expect(out('hi\n', timeNs).toString('hex')).toBe('03000000010073148877665544332211' + '68690a');
    expect(encodeFrame({ kind: 'dropped', timeNs, count: 258n }).toString('hex')).toBe(
      '08000000000178598877665544332211' + '0201000000000000',
    );
  });

  it('give back what was encoded', () => {
    expect(parseHeader(out('abc', 5n))).toEqual({ kind: 'output', stream: 'STDOUT', timeNs: 5n, length: 3 });
    expect(parseHeader(err('', 6n))).toEqual({ kind: 'output', stream: 'STDERR', timeNs: 6n, length: 0 });
    expect(parseHeader(dropped(9))).toMatchObject({ kind: 'dropped', length: 8 });
    expect(dropped(9).readBigUInt64LE(HEADER_BYTES)).toBe(9n);
  });

  it('are found at an offset', () => {
    expect(parseHeader(Buffer.concat([out('abc'), err('x', 8n)]), 19)).toMatchObject({
      stream: 'STDERR',
      timeNs: 8n,
    });
  });

  it('are refused when any one bit of the header is wrong', () => {
    for (const frame of [out('some output'), err('more'), dropped(70_000)]) {
      for (let bit = 0; bit < HEADER_BYTES * 8; bit++) {
        const broken = Buffer.from(frame);
        broken.writeUInt8(broken.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
        expect(parseHeader(broken), `bit ${bit}`).toBeUndefined();
      }
    }
  });

  it('are refused when fewer than 16 bytes are there', () => {
    for (let length = 0; length < HEADER_BYTES; length++) {
      expect(parseHeader(out('abc').subarray(0, length))).toBeUndefined();
    }
  });

  it.each([
    ['a payload that is too long', (header: Buffer) => header.writeUInt32LE(LONGEST_PAYLOAD_BYTES + 1, 0)],
    ['an unknown stream', (header: Buffer) => header.writeUInt8(4, 4)],
    ['output of no stream', (header: Buffer) => header.writeUInt8(0, 4)],
    ['unknown flags', (header: Buffer) => header.writeUInt8(3, 5)],
    ['the size of something that is no terminal', (header: Buffer) => header.writeUInt8(2, 5)],
    ['a mark of a stream', (header: Buffer) => header.writeUInt8(1, 5)],
  ])('are refused for %s, though the check is right', (_, set) => {
    expect(parseHeader(forged(out('12345678'), () => undefined))).toBeDefined();
    expect(parseHeader(forged(out('12345678'), set))).toBeUndefined();
  });

  it('are refused for a mark that is not 8 bytes long', () => {
    expect(
      parseHeader(
        forged(dropped(1), (header) => {
          header.writeUInt32LE(7, 0);
        }),
      ),
    ).toBeUndefined();
  });

  it('are never longer than readers accept', () => {
    const bytes = new Uint8Array(LONGEST_PAYLOAD_BYTES + 1);
    expect(() => encodeFrame({ kind: 'output', stream: 'STDOUT', timeNs: 0n, bytes })).toThrow(RangeError);
    expect(
      parseHeader(
        encodeFrame({
          kind: 'output',
          stream: 'STDOUT',
          timeNs: 0n,
          bytes: bytes.subarray(0, LONGEST_PAYLOAD_BYTES),
        }),
      ),
    ).toBeDefined();
  });
});
