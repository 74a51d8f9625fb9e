/** Why the lane itself, not a test in it, could not do its work; the message is for the one who runs it. */
export class LaneError extends Error {
  override readonly name = 'LaneError';
}

/** Prints what is about to be done, for the person who runs the tests. */
export const say = (text: string): void => {
  process.stderr.write(`vm: ${text}\n`);
};
