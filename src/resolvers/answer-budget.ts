/** Bounds the bytes that the answer to one operation holds of what jobs wrote and were given. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { GraphQLError } from 'graphql';
import type { LogBatch } from '../runtime/log/page.ts';
import { codedError } from './errors.ts';

/** Eight pages of log of the largest size, or 128 of the usual one. */
export const ANSWER_BYTES = 8 * 1024 * 1024;
/** The same for an answer that has to be sent as one message, and so to be made in one turn of the event loop. */
export const MESSAGE_BYTES = 2 * 1024 * 1024;

/** From this many bytes on, a page is decoded and encoded in a turn of its own. */
const LARGE_PAGE_BYTES = 64 * 1024;

/** Bytes that are added for every text and every entry of a log: names, times, cursors. */
export const OVERHEAD = 64;

/**
 * Counts the bytes of one answer, over every transport. The count starts again for each answer of a subscription;
 * answers are distinguished by their root values.
 */
export class AnswerBudget {
  readonly most: number;
  #answer: unknown = this;
  #left = 0;
  /** Bytes reserved for what is being read. */
  #held = 0;
  readonly #waiting: (() => void)[] = [];
  #turn: Promise<void> = Promise.resolve();

  /** @param most bytes of one answer */
  constructor(most: number) {
    this.most = most;
  }

  /** Bytes that the answer holds so far. */
  get used(): number {
    return this.#answer === this ? 0 : this.most - this.#left;
  }

  /**
   * Counts the bytes of a text that is in memory already.
   *
   * @param answer the root value of the answer
   * @returns the text
   * @throws GraphQLError `ANSWER_TOO_LARGE`
   */
  text(answer: unknown, text: string): string {
    this.#begin(answer);
    const bytes = Buffer.byteLength(text) + OVERHEAD;
    if (bytes > this.#left - this.#held) throw tooLarge(this.most);
    this.#left -= bytes;
    return text;
  }

  /**
   * Reads something of at most `mostBytes`, once there is room for that in addition to what is being read, and counts
   * the bytes that it has.
   *
   * @throws GraphQLError `ANSWER_TOO_LARGE`
   */
  async read<T>(
    answer: unknown,
    mostBytes: number,
    step: () => Promise<T>,
    bytesOf: (value: T) => number,
  ): Promise<T> {
    this.#begin(answer);
    while (mostBytes > this.#left - this.#held) {
      // There is room if what is being read turns out to be smaller than its reservation.
      if (this.#held > 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
      else {
        this.#wakeOne();
        throw tooLarge(this.most);
      }
    }
    this.#held += mostBytes;
    this.#wakeOne();
    try {
      const value = await step();
      const bytes = bytesOf(value);
      this.#left -= bytes;
      if (bytes >= LARGE_PAGE_BYTES) await this.ownTurn();
      return value;
    } finally {
      this.#held -= mostBytes;
      this.#wakeOne();
    }
  }

  /** Settles in a turn of the event loop that no other part of this answer gets: for work that takes long. */
  ownTurn(): Promise<void> {
    this.#turn = this.#turn.then(() => nextTurn());
    return this.#turn;
  }

  /**
   * Wakes one reader, which wakes the next one in turn, so that a thousand waiting pages are not all checked each time.
   */
  #wakeOne(): void {
    if (this.#held === 0 || this.#left > this.#held) this.#waiting.shift()?.();
  }

  #begin(answer: unknown): void {
    if (answer === this.#answer) return;
    this.#answer = answer;
    this.#left = this.most;
  }
}

/** Bytes that a page of log takes. */
export const pageBytes = ({ entries }: LogBatch): number =>
  entries.reduce((sum, { bytes }) => sum + bytes.length + OVERHEAD, 0);

const tooLarge = (most: number): GraphQLError =>
  codedError(
    'ANSWER_TOO_LARGE',
    `answer: expected at most ${most} bytes of logs, commands and environments in one answer: ` +
      'ask for fewer jobs at once, for smaller pages (maxBytes), or for logs by the subscription',
  );
