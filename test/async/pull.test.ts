/** Iterators that are pulled, and the bell. */

import { describe, expect, it, vi } from 'vitest';
import { Bell, pull } from '../../src/async/pull.ts';

const DONE = { done: true, value: undefined } as const;

/** A step that never settles, and records when its signal is aborted. */
const parked = () => {
  const aborted = vi.fn<() => void>();
  const step = (signal: AbortSignal): Promise<never> => {
    signal.addEventListener('abort', aborted);
    return new Promise(() => undefined);
  };
  return { step, aborted };
};

describe('pull', () => {
  it('runs a step only when a value is asked for', async () => {
    let steps = 0;
    const iterator = pull<number>(async () => ({ done: false, value: ++steps }), vi.fn<() => void>());
    expect(steps).toBe(0);
    expect(await iterator.next()).toEqual({ done: false, value: 1 });
    expect(steps).toBe(1);
    await iterator.return?.();
  });

  it('answers calls made at the same time in order, one step at a time', async () => {
    let running = 0;
    let most = 0;
    let value = 0;
    const iterator = pull<number>(async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      return value === 3 ? DONE : { done: false, value: ++value };
    }, vi.fn<() => void>());
    const answers = await Promise.all([1, 2, 3, 4, 5].map(() => iterator.next()));
    expect(answers.map((answer) => answer.value)).toEqual([1, 2, 3, undefined, undefined]);
    expect(most).toBe(1);
  });

  it('releases once when the steps are exhausted, and stays finished', async () => {
    const release = vi.fn<() => void>();
    const iterator = pull<number>(async () => DONE, release);
    expect(await iterator.next()).toEqual(DONE);
    expect(await iterator.next()).toEqual(DONE);
    await iterator.return?.();
    expect(release).toHaveBeenCalledTimes(1);
  });

  it('settles return() and the parked next() at once, and aborts the step', async () => {
    const release = vi.fn<() => void>();
    const { step, aborted } = parked();
    const iterator = pull<number>(step, release);
    const waiting = iterator.next();
    const second = iterator.next();
    await Promise.resolve();
    expect(await iterator.return?.()).toEqual(DONE);
    expect(await waiting).toEqual(DONE);
    expect(await second).toEqual(DONE);
    expect(aborted).toHaveBeenCalledTimes(1);
    expect(release).toHaveBeenCalledTimes(1);
    expect(await iterator.return?.()).toEqual(DONE);
    expect(release).toHaveBeenCalledTimes(1);
  });

  it('never runs a step when it was returned before the first next()', async () => {
    const step = vi.fn<() => Promise<typeof DONE>>(async () => DONE);
    const release = vi.fn<() => void>();
    const iterator = pull<number>(step, release);
    await iterator.return?.();
    expect(await iterator.next()).toEqual(DONE);
    expect(step).not.toHaveBeenCalled();
    expect(release).toHaveBeenCalledTimes(1);
  });

  it('rejects throw() with its error and settles the parked next()', async () => {
    const release = vi.fn<() => void>();
    const iterator = pull<number>(parked().step, release);
    const waiting = iterator.next();
    await expect(iterator.throw?.(new Error('thrown into'))).rejects.toThrow('thrown into');
    expect(await waiting).toEqual(DONE);
    expect(release).toHaveBeenCalledTimes(1);
  });

  it.each([
    ['rejects', () => Promise.reject(new Error('broken'))],
    [
      'throws',
      () => {
        throw new Error('broken');
      },
    ],
  ])('fails one next() and finishes when a step %s', async (_, step) => {
    const release = vi.fn<() => void>();
    const iterator = pull<number>(step, release);
    const [first, second] = [iterator.next(), iterator.next()];
    await expect(first).rejects.toThrow('broken');
    expect(await second).toEqual(DONE);
    expect(release).toHaveBeenCalledTimes(1);
  });

  it('lets no rejection escape when a step fails after return()', async () => {
    const unhandled = vi.fn<() => void>();
    process.on('unhandledRejection', unhandled);
    try {
      const step = (signal: AbortSignal): Promise<never> =>
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('late'))));
      const iterator = pull<number>(step, vi.fn<() => void>());
      const waiting = iterator.next();
      await Promise.resolve();
      await iterator.return?.();
      expect(await waiting).toEqual(DONE);
      // Unhandled rejections are reported after the microtasks of the turn that made them.
      await new Promise((resolve) => setImmediate(resolve));
      expect(unhandled).not.toHaveBeenCalled();
    } finally {
      process.off('unhandledRejection', unhandled);
    }
  });

  it('makes a failing release a process warning, not a rejection', async () => {
    const warned = new Promise<Error>((resolve) => process.once('warning', resolve));
    const iterator = pull<number>(parked().step, () => {
      throw new Error('release failed');
    });
    expect(await iterator.return?.()).toEqual(DONE);
    expect((await warned).message).toBe('release failed');
  });

  it('is returned when a loop over it is left', async () => {
    const release = vi.fn<() => void>();
    for await (const value of pull<number>(async () => ({ done: false, value: 7 }), release)) {
      expect(value).toBe(7);
      break;
    }
    expect(release).toHaveBeenCalledTimes(1);
  });
});

describe('Bell', () => {
  const { signal } = new AbortController();

  it('wakes every waiter', async () => {
    const bell = new Bell();
    const waiting = [bell.wait(0, signal), bell.wait(0, signal)];
    bell.ring();
    await Promise.all(waiting);
    expect(bell.rings).toBe(1);
  });

  it('does not miss a ring between the read and the wait', async () => {
    const bell = new Bell();
    const seen = bell.rings;
    bell.ring();
    await bell.wait(seen, signal);
    let woken = false;
    const later = bell.wait(bell.rings, signal).then(() => {
      woken = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(woken).toBe(false);
    bell.ring();
    await later;
  });

  it('rejects with the reason of the signal, before the wait and during it', async () => {
    const bell = new Bell();
    const abort = new AbortController();
    const waiting = bell.wait(0, abort.signal);
    abort.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    await expect(bell.wait(0, abort.signal)).rejects.toThrow('enough');
  });

  it('waits no longer than its limit', async () => {
    vi.useFakeTimers();
    try {
      const bell = new Bell();
      const waiting = bell.wait(0, signal, 10);
      await vi.advanceTimersByTimeAsync(10);
      await waiting;
      const rung = bell.wait(0, signal, 10);
      bell.ring();
      await rung;
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  it('keeps no listener on a signal that outlives the wait', async () => {
    const bell = new Bell();
    const abort = new AbortController();
    const added = vi.spyOn(abort.signal, 'addEventListener');
    const removed = vi.spyOn(abort.signal, 'removeEventListener');
    const waiting = bell.wait(0, abort.signal);
    bell.ring();
    await waiting;
    expect(added).toHaveBeenCalledTimes(1);
    expect(removed.mock.calls[0]?.slice(0, 2)).toEqual(added.mock.calls[0]?.slice(0, 2));
  });
});
