/** Control sequences that redraw a terminal (ECMA-48: CUP, ED). */
export const HOME_AND_CLEAR = '\x1b[H\x1b[J';
