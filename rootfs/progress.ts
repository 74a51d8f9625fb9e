/** Reports how far a download is. */

/** Receives how far a download is. `end` is called once, also after a failure. */
export interface Progress {
  readonly update: (receivedBytes: number, totalBytes: number) => void;
  readonly end: () => void;
}

/** Progress as a few lines: one for each quarter. */
export const progressLines = (log: (line: string) => void): Progress => {
  let quarters = 0;
  return {
    update: (received, total) => {
      const reached = Math.floor((4 * received) / total);
      if (reached <= quarters) return;
      quarters = reached;
      log(describe(received, total));
    },
    end: () => undefined,
  };
};

/** Progress as one line of a terminal that is overwritten. */
export const progressOnTerminal = (terminal: { write(text: string): unknown }): Progress => {
  let shown = '';
  return {
    update: (received, total) => {
      const line = describe(received, total);
      if (line === shown) return;
      shown = line;
      terminal.write(`\r${line}\u001b[K`);
    },
    end: () => {
      if (shown !== '') terminal.write('\n');
      shown = '';
    },
  };
};

const describe = (received: number, total: number): string => {
  const percent = Math.floor((100 * received) / total);
  return `  ${megabytes(received)} of ${megabytes(total)} MB (${percent} %)`;
};

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);
