/** Why an image cannot be taken: a fault of an archive or a registry, for the one who named it. */

/** The message names what was expected and what came, and no path of this machine. */
export class ImageFault extends Error {
  override readonly name = 'ImageFault';
}

/** A fault in the form of all such messages. */
export const fault = (what: string, expected: string, got: unknown): ImageFault => {
  const text = JSON.stringify(got) ?? String(got);
  return new ImageFault(
    `${what}: expected ${expected}, got ${text.length > 200 ? `${text.slice(0, 197)}...` : text}`,
  );
};
