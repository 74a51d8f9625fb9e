/** What a terminal is sent to show one picture after the other (ECMA-48: CUP, ED). */
export const HOME_AND_CLEAR = '\x1b[H\x1b[J';
