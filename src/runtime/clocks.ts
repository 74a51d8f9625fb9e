/**
 * Seconds that the clocks of a cell show when it starts. Not 0, which no program sees on a real machine: many take 0 on
 * a monotonic clock for "never", or subtract an interval from it.
 */
export const CLOCKS_START_S = 4 * 3600;
