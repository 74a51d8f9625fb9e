/** Number of statfs(2) `f_type` for a file system in memory, whose files count as memory of who writes them. */
export const TMPFS = 0x01021994;
