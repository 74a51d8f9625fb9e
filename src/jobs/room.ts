/** The free space that the disk of the state folder must have. */

/** Bytes that must be free for a job to be accepted: for its row, its folder and a few state changes of others. */
export const ROOM_BYTES = 1024 * 1024;
