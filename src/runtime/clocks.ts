/**
 * Seconds that the clocks of a cell show when it starts. Not 0, as on no machine on which programs run: many take 0 of a
 * monotonic clock for "never", or subtract an interval from it.
 */
export const CLOCKS_START_S = 4 * 3600;
