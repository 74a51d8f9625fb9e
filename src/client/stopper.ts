/** Stops the job of `cloister run` when the command receives a signal. */

import type { Connection } from './connection.ts';
import { StopJobDocument } from './generated/operations.ts';
import { shortId } from './job-id.ts';
import { note } from './output.ts';
import { request } from './request.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;

/**
 * Turns the signals that end a program, that of a closed terminal included, into requests to stop its job: the first
 * one stops it, the second one kills it, and a third one ends us by default, in case the server does not answer.
 */
export class Stopper implements Disposable {
  readonly #connection: Connection;
  #jobId: string | undefined;
  #signals = 0;
  readonly #remark: (text: string) => Promise<void>;

  /** @param remark prints what a signal does */
  constructor(connection: Connection, remark: (text: string) => Promise<void>) {
    this.#connection = connection;
    this.#remark = remark;
    for (const signal of SIGNALS) process.on(signal, this.#onSignal);
  }

  /** Sets the job. A signal that arrived before takes effect now. */
  submitted(jobId: string): void {
    this.#jobId = jobId;
    if (this.#signals > 0) void this.stop();
  }

  /** Settles when the job has ended, or when the request failed, which is printed to stderr. */
  async stop(): Promise<void> {
    if (this.#jobId === undefined) return;
    const gracePeriod = this.#signals > 1 ? 0 : undefined;
    if (this.#signals === 1)
      await this.#remark(
        `stopping job ${shortId(this.#jobId)} with SIGTERM, and with SIGKILL after 10 s; Ctrl-C again kills it now`,
      );
    if (this.#signals > 1) await this.#remark(`killing job ${shortId(this.#jobId)}`);
    try {
      await request(this.#connection, StopJobDocument, { input: { jobId: this.#jobId, gracePeriod } });
    } catch (error) {
      await note(`cannot stop job ${this.#jobId}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  [Symbol.dispose](): void {
    for (const signal of SIGNALS) process.off(signal, this.#onSignal);
  }

  readonly #onSignal = (): void => {
    this.#signals += 1;
    if (this.#signals > 1) this[Symbol.dispose]();
    void this.stop();
  };
}
