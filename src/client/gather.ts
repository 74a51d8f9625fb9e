/** Joins pieces of input that arrive while the last ones are being processed. */

/**
 * Yields all that has arrived since the last time, and waits while nothing has. A terminal gives at most 4 KB at a time,
 * and one request for each piece would be slow.
 *
 * @param mostBytes no more is read ahead once this many bytes wait
 * @throws what reading a piece throws, after all that came before it
 */
export const gather = async function* (
  pieces: AsyncIterable<Uint8Array>,
  mostBytes: number,
): AsyncGenerator<Buffer, void> {
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  let isOver = false;
  let changed = Promise.withResolvers<void>();
  const change = (): void => {
    changed.resolve();
    changed = Promise.withResolvers();
  };
  const reading = (async () => {
    try {
      for await (const piece of pieces) {
        waiting.push(piece);
        waitingBytes += piece.length;
        change();
        while (waitingBytes >= mostBytes) await changed.promise;
      }
    } finally {
      isOver = true;
      change();
    }
  })();
  // The error is thrown after the pieces before it.
  reading.catch(() => undefined);
  for (;;) {
    while (waiting.length === 0 && !isOver) await changed.promise;
    if (waiting.length === 0) return reading;
    const joined = Buffer.concat(waiting);
    waiting = [];
    waitingBytes = 0;
    change();
    yield joined;
  }
};
