/** Why the lane itself, not a test in it, could not do its work; the message is for the one who runs it. */
export class LaneError extends Error {
  override readonly name = 'LaneError';
}

/** Tells the one who runs the lane what it is about to do. */
export const say = (text: string): void => {
  process.stderr.write(`vm: ${text}\n`);
};
