/** The state folder: the name of every file in it, who writes it and who reads it. */

import { join } from 'node:path';

/** Paths in a state folder. All of it belongs to one server, which holds `lock`. */
export interface StatePaths {
  /** Locked by the server that uses the folder. */
  readonly lock: string;
  /** The admin token: written by the server at its first start, read by clients on this machine. */
  readonly token: string;
  /** The next admin token, before it takes the place of `token`. */
  readonly newToken: string;
  /** The private key that receipts are signed with: made by the server at its first start. */
  readonly receiptKey: string;
  /** The public keys of all receipts that were ever signed here, those of earlier private keys too. */
  readonly receiptKeys: string;
  /** The keys that links to upload and to download are signed with: the current one first. */
  readonly linkKeys: string;
  /** The next keys, before they take the place of `linkKeys`. */
  readonly newLinkKeys: string;
  /** The Unix socket of the API: made by the server while it runs, for clients of its own user. */
  readonly socket: string;
  /** The SQLite database: written by the server, read by `cloister backup`. */
  readonly database: string;
  /** A folder for each job: see `JOB_FILES`. */
  readonly jobs: string;
  /** The exit record of each job, under its id: written by its supervisor, removed by the server once it is stored. */
  readonly exits: string;
  /** The standard input of each job that has one, under its id: written by the server before it accepts the job. */
  readonly stdin: string;
  /** The secret variables of each job that has not ended, under its id. */
  readonly secrets: string;
  /** The contents that jobs may be given as files: a folder for each subject; written by the server. */
  readonly files: string;
  /** The unpacked images: written by `rootfs/`, read-only to cells. */
  readonly images: string;
  /** The layers of images that were added: a folder for each, see `LAYER_FILES`; read-only to cells. */
  readonly layers: string;
  /** The folder of the cell that a server runs when it starts, to see whether it can make cells. */
  readonly testCell: string;
}

/**
 * The paths in a state folder.
 *
 * @param stateDir its absolute path
 */
export const statePaths = (stateDir: string): StatePaths => ({
  lock: join(stateDir, 'lock'),
  token: join(stateDir, 'token'),
  newToken: join(stateDir, '.token'),
  receiptKey: join(stateDir, 'receipt-key'),
  receiptKeys: join(stateDir, 'receipt-keys'),
  linkKeys: join(stateDir, 'link-keys'),
  newLinkKeys: join(stateDir, '.link-keys'),
  socket: join(stateDir, 'socket'),
  database: join(stateDir, 'cloister.db'),
  jobs: join(stateDir, 'jobs'),
  exits: join(stateDir, 'exits'),
  stdin: join(stateDir, 'stdin'),
  secrets: join(stateDir, 'secrets'),
  files: join(stateDir, 'files'),
  images: join(stateDir, 'images'),
  layers: join(stateDir, 'layers'),
  testCell: join(stateDir, '.test-cell'),
});

/** Names in the folder of a layer. */
export const LAYER_FILES = {
  /** The folder that the cell which unpacked it wrote into: `root` in it has the files, with the owners of cells. */
  tree: 'tree',
  /** A description of the layer as JSON, written when the layer is complete. */
  about: 'about.json',
} as const;

/**
 * Names in the folder of a job. The server makes the folder with `plan`, `log` and `stdin`; the rest is the
 * supervisor's. `plan`, `started`, `isolation`, `log` and `index` stay as long as the job is kept.
 */
export const JOB_FILES = {
  /** The launch plan: written by the server, read by the supervisor. */
  plan: 'plan',
  /** What the command reads as its standard input: a link to the file in `stdin`, removed when the job has ended. */
  stdin: 'stdin',
  /** The files that the job was given: links to those in `files`, removed when the job has ended. */
  files: 'files',
  /** Claims the job: made by its supervisor before it runs anything, or by a server that takes the job from it. */
  started: 'started',
  /** The control socket. */
  control: 'control',
  /** What confines the command, as the kernel reported it. */
  isolation: 'isolation',
  /** The output: appended to by the supervisor, read and later compressed by the server. */
  log: 'log',
  /** Where in the log its times and lines are. */
  index: 'index',
  /**
   * The end of an output that is longer than its limit: two halves of a ring, and where the log ended before they were
   * appended to it. They are removed in this order.
   */
  tail: ['tail.0', 'tail.1', 'tail.end'],
  /** What the job has changed of its root: copied by the supervisor, until an image is made of it. */
  layer: 'layer',
  /** The artifacts, in files with their numbers: what was kept of the cell when it had ended. */
  artifacts: 'artifacts',
  /** Space that the supervisor reserved for the exit record, which is moved to `exits/`. */
  exit: 'exit',
  /** An exit record that could not be read: kept by the server for a person to look at. */
  damagedExit: 'exit.damaged',
} as const;
