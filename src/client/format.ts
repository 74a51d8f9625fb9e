/** Jobs, usage, durations and sizes as text for people. */

import { isUnicode, textOfBytes } from '../byte-text.ts';
import type { UsageDetailsFragment as Usage } from './generated/operations.ts';
import { inert } from './inert.ts';
import type { Job, JobSummary } from './job.ts';

/** A job and its state: a line for each value that is set. */
export const jobLines = (job: Job): string => {
  const { usage } = job;
  const facts: readonly (readonly [string, string | number | null | undefined])[] = [
    ['Status', job.status],
    ['Exit code', job.exitCode],
    ['Signal', job.signal],
    ['Limit', job.limitExceeded],
    ['Error', job.error],
    ...job.limitsHit.filter(({ ended }) => !ended).map(({ message }) => ['Ran into', message] as const),
    ['Place in queue', job.queue?.position],
    ['Waits', job.queue?.reason],
    ['Id', job.id],
    ['Name', job.name],
    ['Command', commandLine(job)],
    ['Image', job.image],
    ['Labels', job.labels.map(({ key, value }) => `${key}=${value}`).join(', ') || null],
    ['Created', job.createdAt],
    ['Started', job.startedAt],
    ['Paused', job.pausedAt],
    ['Finished', job.finishedAt],
    ['Pinned', job.pinned ? 'yes' : null],
    ['Attempt', job.attempt > 1 ? job.attempt : null],
    ['Tried again by', job.retriedBy?.id],
    ['CPU time', usage && duration(usage.cpuTime)],
    ['Memory peak', usage?.memoryPeak == null ? null : size(usage.memoryPeak)],
  ];
  return facts
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([label, value]) => `${label}: ${inert(String(value))}`)
    .join('\n');
};

/** The resource usage of a job, on one line. */
export const usageLine = (usage: Usage): string => {
  const facts: readonly (readonly [string, string | null])[] = [
    ['cpu', duration(usage.cpuTime)],
    ['throttled', usage.throttledTime == null ? null : duration(usage.throttledTime)],
    ['memory', usage.memoryCurrent == null ? null : size(usage.memoryCurrent)],
    ['peak', usage.memoryPeak == null ? null : size(usage.memoryPeak)],
    ['processes at most', usage.pidsPeak == null ? null : String(usage.pidsPeak)],
    ['read', usage.ioRead == null ? null : size(usage.ioRead)],
    ['written', usage.ioWritten == null ? null : size(usage.ioWritten)],
  ];
  return facts
    .filter(([, value]) => value !== null)
    .map(([label, value]) => `${label} ${value}`)
    .join('  ');
};

/** The command as it would be typed into a shell. */
export const commandLine = (
  job: Pick<JobSummary, 'command' | 'commandBytes' | 'argv' | 'argvBytes'>,
): string => {
  const line = job.command ?? (job.commandBytes == null ? null : text(job.commandBytes));
  if (line !== null) return line.toWellFormed();
  return (job.argv ?? (job.argvBytes ?? []).map(text)).map(quote).join(' ');
};

const text = (bytes: string): string => textOfBytes(Buffer.from(bytes, 'base64'));

const quote = (word: string): string => {
  if (/^[\w@%+=:,./-]+$/.test(word)) return word;
  if (isUnicode(word)) return `'${word.replaceAll("'", `'\\''`)}'`;
  const escaped = word
    .replace(/[\\']/g, '\\$&')
    .replace(/[\udc80-\udcff]/gu, (unit) => `\\x${(unit.charCodeAt(0) & 0xff).toString(16)}`);
  return `$'${escaped}'`;
};

/** Milliseconds in the largest unit that fits: `5s`, `12m`, `3h`, `9d`. */
export const age = (ms: number): string => {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  return seconds < 86_400 ? `${Math.floor(seconds / 3600)}h` : `${Math.floor(seconds / 86_400)}d`;
};

/** A duration in at most two units: `0.3s`, `42s`, `3m20s`, `5h07m`, `9d12h`. */
export const shortDuration = (ms: number): string => {
  const tenths = Math.max(0, Math.floor(ms / 100));
  if (tenths < 100) return `${(tenths / 10).toFixed(1)}s`;
  const seconds = Math.floor(tenths / 10);
  if (seconds < 60) return `${seconds}s`;
  const pad = (value: number): string => String(value).padStart(2, '0');
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${pad(seconds % 60)}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1440) return `${Math.floor(minutes / 60)}h${pad(minutes % 60)}m`;
  return `${Math.floor(minutes / 1440)}d${pad(Math.floor(minutes / 60) % 24)}h`;
};

const duration = (ms: number): string =>
  ms < 1000 ? `${Number(ms.toFixed(3))} ms` : `${(ms / 1000).toFixed(2)} s`;

/** Bytes in the largest binary unit of which there is at least one. */
export const size = (bytes: number): string => {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  const value = bytes / 1024 ** power;
  return `${power === 0 ? value : value.toFixed(1)} ${units[power]}`;
};
