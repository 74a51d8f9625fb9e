/** Signals as clients name them. */

import { signalNumber } from '../signals.ts';
import { badInput } from './errors.ts';

/**
 * The number of a signal.
 *
 * @param text a name, with or without `SIG`, or a number
 * @throws ClientError that names the field
 */
export const checkSignal = (field: string, text: string): number => {
  const number = signalNumber(text);
  if (number === undefined)
    throw badInput(field, 'a signal by its name or number, such as "SIGUSR1" or "10"', text);
  return number;
};
