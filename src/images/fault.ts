/**
 * The error of an image that cannot be added: a fault of an archive or a registry, shown to the client that named it.
 */

/** The message names what was expected and what came, and no path of this machine. */
export class ImageFault extends Error {
  override readonly name = 'ImageFault';
}

/** Makes a fault whose message says what was expected and what came. */
export const fault = (what: string, expected: string, got: unknown): ImageFault => {
  const text = JSON.stringify(got) ?? String(got);
  return new ImageFault(
    `${what}: expected ${expected}, got ${text.length > 200 ? `${text.slice(0, 197)}...` : text}`,
  );
};
