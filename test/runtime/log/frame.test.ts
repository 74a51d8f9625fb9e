/** Frames of a log. */

import { describe, expect, it } from 'vitest';
import {
  encodeFrame,
  type FrameHeader,
  HEADER_BYTES,
  isIntact,
  LONGEST_PAYLOAD_BYTES,
  parseHeader,
} from '../../../src/runtime/log/frame.ts';
import { forge, unchecked } from '../../fuzz/model.ts';
import { dropped, err, out } from './fixture.ts';

/** `frame` with some header bytes set and the check made right again. */
const forged = (frame: Buffer, set: (header: Buffer) => void): Buffer => forge(frame, 0, set);

describe('frames', () => {
  // As the launcher's log_header() makes them.
  it('lie in the file as the launcher writes them', () => {
    const timeNs = 0x1122334455667788n;
    expect(out('hi\n', timeNs).toString('hex')).toBe(
      '03000000018052c28877665544332211' + '7a7a6fed' + '68690a',
    );
    expect(encodeFrame({ kind: 'dropped', timeNs, count: 258n }).toString('hex')).toBe(
      '0800000000816b5e8877665544332211' + 'a0d37081' + '0201000000000000',
    );
  });

  it('give back what was encoded', () => {
    const known = { headerBytes: HEADER_BYTES, kind: 'output' };
    const abc = { ...known, stream: 'STDOUT', timeNs: 5n, length: 3, checksum: 0x352441c2 };
    expect(parseHeader(out('abc', 5n))).toEqual(abc);
    expect(parseHeader(err('', 6n))).toEqual({
      ...known,
      stream: 'STDERR',
      timeNs: 6n,
      length: 0,
      checksum: 0,
    });
    expect(parseHeader(dropped(9))).toMatchObject({ kind: 'dropped', length: 8 });
    expect(dropped(9).readBigUInt64LE(HEADER_BYTES)).toBe(9n);
  });

  it('of earlier releases, without a checksum of the payload, are read as well', () => {
    const header = parseHeader(unchecked(out('abc', 5n)));
    const expected = { kind: 'output', stream: 'STDOUT', timeNs: 5n, length: 3, headerBytes: 16 };
    expect(header).toEqual({ ...expected, checksum: undefined });
    expect(unchecked(out('abc', 5n)).subarray(16).toString()).toBe('abc');
    expect(header !== undefined && isIntact(header, Buffer.from('abd'))).toBe(true);
  });

  it('show that any bit of their payload has changed', () => {
    const frame = out('some output');
    const header = parseHeader(frame) as FrameHeader;
    const payload = frame.subarray(HEADER_BYTES);
    expect(isIntact(header, payload)).toBe(true);
    for (let bit = 0; bit < payload.length * 8; bit++) {
      const broken = Buffer.from(payload);
      broken.writeUInt8(broken.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(isIntact(header, broken), `bit ${bit}`).toBe(false);
    }
  });

  it('are found at an offset', () => {
    expect(parseHeader(Buffer.concat([out('abc'), err('x', 8n)]), 23)).toMatchObject({
      stream: 'STDERR',
      timeNs: 8n,
    });
  });

  it('are refused when any one bit of the header is wrong', () => {
    const frames = [out('some output'), err('more'), dropped(70_000)];
    for (const frame of [...frames, ...frames.map(unchecked)]) {
      const size = parseHeader(frame)?.headerBytes ?? 0;
      for (let bit = 0; bit < size * 8; bit++) {
        const broken = Buffer.from(frame);
        broken.writeUInt8(broken.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
        expect(parseHeader(broken), `bit ${bit}`).toBeUndefined();
      }
    }
  });

  it('are refused when not all of the header is there', () => {
    for (let length = 0; length < HEADER_BYTES; length++) {
      expect(parseHeader(out('abc').subarray(0, length))).toBeUndefined();
      if (length < 16) expect(parseHeader(unchecked(out('abc')).subarray(0, length))).toBeUndefined();
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
