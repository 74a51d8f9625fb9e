/** Times of a replay, and the lines of an asciicast. */

import { describe, expect, it } from 'vitest';
import { castHeader, castOutput, castResize } from '../../src/client/asciicast.ts';
import { nanoseconds, type Pace, Timeline } from '../../src/client/timeline.ts';

const placesOf = (
  pace: Partial<Pace>,
  beginning: string | undefined,
  ...seconds: readonly string[]
): number[] => {
  const all: Pace = { speed: 1, fromMs: 0, mostIdleMs: Number.POSITIVE_INFINITY, ...pace };
  const timeline = new Timeline(all, beginning);
  return seconds.map((second) => timeline.place(`2027-01-31T12:00:${second}Z`));
};

describe('a replay', () => {
  it('shows each entry as long after the beginning as it was written', () => {
    expect(placesOf({}, '2027-01-31T12:00:00Z', '01', '01.25', '59.000000001')).toEqual([
      1000, 1250, 59_000.000_001,
    ]);
    expect(placesOf({}, undefined, '10', '12.5')).toEqual([0, 2500]);
  });

  it('can be faster or slower, begin later, and shorten pauses', () => {
    expect(placesOf({ speed: 2 }, undefined, '00', '03')).toEqual([0, 1500]);
    expect(placesOf({ speed: 0.5 }, undefined, '00', '03')).toEqual([0, 6000]);
    expect(placesOf({ fromMs: 2000, speed: 2 }, undefined, '00', '03')).toEqual([-1000, 500]);
    expect(placesOf({ mostIdleMs: 500 }, undefined, '00', '10', '10.1')).toEqual([0, 500, 600]);
  });

  it('takes no time where the clock was set back', () => {
    expect(placesOf({}, undefined, '30', '10', '11')).toEqual([0, 0, 1000]);
  });

  it('reads times to the nanosecond', () => {
    expect(nanoseconds('1970-01-01T00:00:01.000000001Z')).toBe(1_000_000_001n);
    expect(nanoseconds('1970-01-01T00:00:01Z')).toBe(1_000_000_000n);
  });
});

it('an asciicast has a header, output and sizes, each on a line', () => {
  const session = {
    size: { rows: 24, columns: 80 },
    startedAt: '1970-01-01T00:01:00.9Z',
    title: null,
    command: 'sh',
  };
  expect(castHeader(session)).toBe('{"version":2,"width":80,"height":24,"timestamp":60,"command":"sh"}\n');
  expect(castOutput(1234.567_89, 'a\x1b\n')).toBe('[1.234568,"o","a\\u001b\\n"]\n');
  expect(castResize(0, { rows: 30, columns: 90 })).toBe('[0,"r","90x30"]\n');
});
