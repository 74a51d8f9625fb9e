/** Bytes as the scalar Base64 of the API. */

import { bytesOfText } from '../byte-text.ts';

/** @param text of byte-text.ts */
export const base64 = (text: string): string => bytesOfText(text).toString('base64');
