/** Shows one job and follows its log, with the secret of a link: after `#`, which browsers do not send. */

import { createClient, RequestRefused } from './client/index.js';

/** Characters of output that are kept on the page. */
const MOST_CHARACTERS = 1_000_000;
/** Lines from before the page was opened. */
const TAIL = 10_000;

const JOB = `query ($id: ID!) { job(id: $id) {
  name command argv status exitCode signal error createdAt startedAt finishedAt } }`;
const CHANGES = 'subscription ($id: ID!) { jobUpdated(jobId: $id) { status } }';

const secret = location.hash.slice(1);
const jobId = location.pathname.split('/').at(-1);
// The endpoint is next to the folder of this page, whatever is before it.
const cloister = createClient({ url: new URL('../graphql', location.href), token: () => secret });
const at = (id) => document.querySelector(`#${id}`);

// Another link in the same tab changes the fragment alone.
addEventListener('hashchange', () => location.reload());

const show = ({ name, command, argv, status, exitCode, signal, error, createdAt, startedAt, finishedAt }) => {
  at('name').textContent = name ?? 'A job';
  at('command').textContent = command ?? argv?.join(' ') ?? '';
  const end = exitCode === null ? signal : `exit code ${exitCode}`;
  at('status').textContent = [status, end, error].filter(Boolean).join(', ');
  const times = { submitted: createdAt, started: startedAt, finished: finishedAt };
  at('times').textContent = Object.entries(times)
    .filter(([, time]) => time !== null)
    .map(([what, time]) => `${what} ${new Date(time).toLocaleString()}`)
    .join(' · ');
};

const refresh = async () => show((await cloister.request(JOB, { id: jobId })).job);

const log = at('log');
let characters = 0;

const append = (kind, words) => {
  if (words === '') return;
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  const kept = words.slice(-MOST_CHARACTERS);
  const piece = document.createElement('span');
  piece.dataset.kind = kind;
  piece.textContent = kept;
  log.append(piece);
  characters += kept.length;
  while (characters > MOST_CHARACTERS) {
    characters -= log.firstElementChild.textContent.length;
    log.firstElementChild.remove();
  }
  if (atEnd) log.scrollTop = log.scrollHeight;
};

const follow = async () => {
  for await (const { entries, droppedBytes } of cloister.logs(jobId, { tail: TAIL })) {
    if (droppedBytes > 0) append('NOTE', `\n${droppedBytes} bytes of output were not kept\n`);
    for (const { stream, text } of entries) append(stream, text);
  }
};

const watch = async () => {
  for await (const _ of cloister.subscribe(CHANGES, { id: jobId })) await refresh();
};

const problem = (error) => {
  const refused = error instanceof RequestRefused && ['UNAUTHENTICATED', 'NOT_FOUND'].includes(error.code);
  at('problem').textContent = refused
    ? 'This link is not valid: it has expired or was revoked, or the job was deleted.'
    : error.message;
};

try {
  if (secret === '') throw new Error('This link is not complete: the part after # is missing.');
  await refresh();
  // When its connection is lost, the log comes back by itself, and the job is read again after it.
  watch().catch(() => undefined);
  await follow();
  await refresh();
} catch (error) {
  problem(error);
}
