/** Ranges of ids for jobs. */

import { describe, expect, it } from 'vitest';
import type { CellIds } from '../../../src/runtime/ids/index.ts';
import { IdSlots, slotsOf } from '../../../src/runtime/ids/slots.ts';

const idsFrom = (base: number, change: Partial<CellIds> = {}): CellIds => {
  const map = [{ inside: 0, outside: base, count: 65_536 }];
  return {
    kind: 'range',
    count: 65_536,
    uids: map,
    gids: map,
    owners: null,
    owner: { uid: base, gid: base },
    enter: [],
    groups: true,
    overlay: '',
    notice: undefined,
    remedy: undefined,
    ...change,
  };
};

const BASE = 1_879_048_192;
const outside = (slots: IdSlots, job: string): number => slots.take(job).uids[0]?.outside ?? -1;

describe('ranges of ids', () => {
  it('come after that of the images, one for each job', () => {
    const slots = new IdSlots(idsFrom(BASE));
    expect(slots.take('a')).toMatchObject({
      uids: [{ inside: 0, outside: BASE + 65_536, count: 65_536 }],
      gids: [{ inside: 0, outside: BASE + 65_536, count: 65_536 }],
      owners: { uid: BASE, gid: BASE },
    });
    expect(outside(slots, 'b')).toBe(BASE + 2 * 65_536);
    expect(outside(slots, 'a')).toBe(BASE + 65_536);
  });

  it('are reused in rotation once their job has ended', () => {
    const slots = new IdSlots(idsFrom(2 ** 31 - 4 * 65_536));
    expect(slots.count).toBe(3);
    const [a, b, c] = ['a', 'b', 'c'].map((job) => outside(slots, job));
    expect(new Set([a, b, c]).size).toBe(3);
    expect(() => slots.take('d')).toThrow('all 3 ranges of ids are taken');
    slots.release('b');
    slots.release('b');
    expect(outside(slots, 'd')).toBe(b);
    slots.release('a');
    slots.release('c');
    expect([outside(slots, 'e'), outside(slots, 'f')]).toEqual([c, a]);
  });

  it('stay with jobs that run already', () => {
    const slots = new IdSlots(idsFrom(2 ** 31 - 4 * 65_536));
    const first = 2 ** 31 - 3 * 65_536;
    slots.adopt('old', [{ inside: 0, outside: first, count: 65_536 }]);
    expect([outside(slots, 'a'), outside(slots, 'b')]).toEqual([first + 65_536, first + 2 * 65_536]);
    expect(outside(slots, 'old')).toBe(first);
    expect(() => slots.take('c')).toThrow();
  });

  it('take no notice of jobs whose ids are none of them', () => {
    const slots = new IdSlots(idsFrom(BASE));
    for (const from of [BASE, BASE - 65_536, 0, BASE + 65_537, 2 ** 32])
      slots.adopt(`job ${from}`, [{ inside: 0, outside: from, count: 65_536 }]);
    slots.adopt('none', []);
    expect(outside(slots, 'a')).toBe(BASE + 65_536);
  });

  it('end where ids do', () => {
    expect(new IdSlots(idsFrom(4_294_836_224)).count).toBe(0);
    expect(new IdSlots(idsFrom(BASE)).count).toBe(4095);
    const high = new IdSlots(idsFrom(4_294_836_224 - 65_536));
    expect(outside(high, 'a')).toBe(4_294_836_224);
  });

  it('are for processes that may map any id', () => {
    expect(slotsOf(idsFrom(BASE))).toBeInstanceOf(IdSlots);
    expect(slotsOf(idsFrom(BASE, { enter: ['cell', 'userns'] }))).toBeUndefined();
    expect(slotsOf(idsFrom(BASE, { kind: 'single', count: 1 }))).toBeUndefined();
    expect(slotsOf(idsFrom(BASE, { overlay: 'userxattr' }))).toBeUndefined();
    expect(slotsOf(idsFrom(4_294_836_224))).toBeUndefined();
  });
});
