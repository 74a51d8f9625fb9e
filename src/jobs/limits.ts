/** Checks the limits that a job asks for against what this server allows. */
import { formatCpus, parseCpus } from '../runtime/cgroup/cpu-list.ts';
import { withoutUnit } from '../units.ts';
import { badInput, ClientError } from './errors.ts';
import { checkAll, checkEach, once, throwTogether } from './faults.ts';
import type { IoLimit, Limits } from './job.ts';
import type { CgroupLimit, CommonLimit, LimitsContext } from './offer.ts';
import type { IoLimitRequest, LimitsRequest } from './service.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const TIB = 1024 * 1024 * MIB;
const TEN_YEARS_MS = 10 * 365 * 24 * 3600 * 1000;
const MOST_DEVICES = 16;

interface Range {
  readonly least: number;
  readonly most: number;
  readonly unit: string;
}

const RANGES: Readonly<
  Record<CommonLimit | 'cpuWeight' | 'cpuTimeMs' | 'memoryHighBytes' | 'inodes', Range>
> = {
  cpus: { least: 0.01, most: 1024, unit: 'CPUs' },
  cpuWeight: { least: 1, most: 10_000, unit: 'shares (the default is 100)' },
  cpuTimeMs: { least: 1, most: TEN_YEARS_MS, unit: 'milliseconds' },
  memoryBytes: { least: 4 * MIB, most: 64 * TIB, unit: 'bytes' },
  memoryHighBytes: { least: 4 * MIB, most: 64 * TIB, unit: 'bytes' },
  swapBytes: { least: 0, most: 64 * TIB, unit: 'bytes' },
  pids: { least: 1, most: 4_194_304, unit: 'processes' },
  diskBytes: { least: 64 * KIB, most: 64 * TIB, unit: 'bytes' },
  inodes: { least: 16, most: 2 ** 31 - 1, unit: 'files and folders' },
  timeoutMs: { least: 1, most: TEN_YEARS_MS, unit: 'milliseconds' },
  outputBytes: { least: 1, most: 64 * TIB, unit: 'bytes' },
};

/**
 * Checks the limits that a job asks for, and fills in the defaults. A limit that was not requested and that this host
 * cannot enforce is `null`.
 *
 * @param malformed faults of limits that are left out of `asked` because their values could not be read
 * @throws ClientError `BAD_USER_INPUT` or `LIMIT_UNAVAILABLE`, with every field at fault
 */
export const checkLimits = (
  asked: LimitsRequest,
  context: LimitsContext,
  malformed: readonly ClientError[] = [],
): Limits => {
  const ranges = mapRanges((name) =>
    once(() => {
      refuseMalformed(field(name), malformed);
      return checkRange(name, asked[name]);
    }),
  );
  const common = (name: CommonLimit): number => {
    const most = context.maxima[name] ?? Number.POSITIVE_INFINITY;
    const value = ranges[name]();
    if (value === undefined) return Math.min(context.defaults[name], most);
    if (value > most)
      throw badInput(field(name), `at most ${most} ${RANGES[name].unit}, the maximum of this server`, value);
    return value;
  };
  const bounded = (name: CommonLimit & CgroupLimit): number | null =>
    enforced(name, asked[name], context) ? common(name) : null;
  const wanted = (name: Extract<keyof typeof RANGES, CgroupLimit>): number | null =>
    enforced(name, asked[name], context) ? (ranges[name]() ?? null) : null;
  const { io = [] } = asked;
  // The reported limits are those in force.
  const inPages = (bytes: number | null): number | null =>
    bytes === null ? null : context.wholePages(bytes);
  const memory = once(() => inPages(bounded('memoryBytes')));
  const cpus = once(() => bounded('cpus'));
  const { limits } = checkAll({
    // A value out of range is reported before a limit that is missing.
    ranges: () => checkAll(ranges),
    limits: () =>
      checkAll({
        cpus: () => withinCapacity('cpus', cpus(), context),
        cpuWeight: () => wanted('cpuWeight'),
        cpuset: () => (enforced('cpuset', asked.cpuset, context) ? checkCpuset(asked.cpuset, context) : null),
        cpuTimeMs: () => wanted('cpuTimeMs'),
        memoryBytes: () => withinCapacity('memoryBytes', memory(), context),
        memoryHighBytes: () => atMostMemory(inPages(wanted('memoryHighBytes')), memory),
        swapBytes: () => inPages(bounded('swapBytes')),
        pids: () => bounded('pids'),
        diskBytes: () => common('diskBytes'),
        inodes: () => ranges.inodes() ?? null,
        // An empty list asks for nothing.
        io: () => (io.length > 0 && enforced('io', io, context) ? checkIo(io, context, malformed) : []),
        timeoutMs: () => common('timeoutMs'),
        outputBytes: () => common('outputBytes'),
        outputPolicy: () => asked.outputPolicy ?? ('KILL' as const),
      }),
  });
  return limits;
};

const mapRanges = <T>(map: (name: keyof typeof RANGES) => T): Readonly<Record<keyof typeof RANGES, T>> =>
  Object.fromEntries(
    (Object.keys(RANGES) as (keyof typeof RANGES)[]).map((name) => [name, map(name)]),
  ) as Record<keyof typeof RANGES, T>;

/** @throws the fault of this field, when its value could not be read */
const refuseMalformed = (name: string, malformed: readonly ClientError[]): void =>
  throwTogether(malformed.filter((fault) => fault.field === name));

const field = (name: keyof LimitsRequest): string => `input.limits.${withoutUnit(name)}`;

const checkRange = (name: keyof typeof RANGES, value: number | undefined): number | undefined => {
  if (value === undefined) return undefined;
  const { least, most, unit } = RANGES[name];
  const whole = name === 'cpus' || Number.isSafeInteger(value);
  if (!whole || !(value >= least && value <= most))
    throw badInput(field(name), `from ${least} to ${most} ${unit}`, value);
  return value;
};

/** @throws ClientError `LIMIT_UNAVAILABLE` for a limit that was requested and cannot be enforced: none is ignored */
const enforced = (name: CgroupLimit, value: unknown, context: LimitsContext): boolean => {
  const reason = context.missing(name);
  if (reason === undefined) return true;
  if (value === undefined) return false;
  throw limitUnavailable(field(name), reason);
};

const limitUnavailable = (name: string, reason: string): ClientError =>
  new ClientError('LIMIT_UNAVAILABLE', `${name}: this server cannot enforce it: ${reason}`, name);

const checkCpuset = (text: string | undefined, context: LimitsContext): string | null => {
  if (text === undefined) return null;
  const cpus = parseCpus(text);
  const available = context.cpus();
  const known = new Set(available);
  if (cpus?.every((cpu) => known.has(cpu)) !== true)
    throw badInput(field('cpuset'), `a list of CPUs such as "0-2,7" out of ${formatCpus(available)}`, text);
  return formatCpus(cpus);
};

const checkIo = (
  asked: readonly IoLimitRequest[],
  context: LimitsContext,
  malformed: readonly ClientError[],
): readonly IoLimit[] => {
  if (asked.length > MOST_DEVICES)
    throw badInput(field('io'), `at most ${MOST_DEVICES} devices`, `${asked.length}`);
  const limits: IoLimit[] = [];
  checkEach(asked, (request, index) => {
    const name = `${field('io')}[${index}]`;
    const rate = (key: keyof typeof RATES): number | null => {
      refuseMalformed(`${name}.${key}`, malformed);
      return checkRate(`${name}.${key}`, RATES[key], request[key]);
    };
    const { device, rates } = checkAll({
      rates: () => {
        const found = checkAll({
          readBps: () => rate('readBps'),
          writeBps: () => rate('writeBps'),
          readIops: () => rate('readIops'),
          writeIops: () => rate('writeIops'),
        });
        if (Object.values(found).every((value) => value === null))
          throw badInput(name, 'at least one of readBps, writeBps, readIops and writeIops', 'none');
        return found;
      },
      device: () => checkDevice(`${name}.device`, request.device, context),
    });
    if (limits.some((other) => other.device === device))
      throw badInput(`${name}.device`, 'unique disks', request.device ?? device);
    limits.push({ device, ...rates });
  });
  return limits;
};

const RATES = {
  readBps: 'bytes',
  writeBps: 'bytes',
  readIops: 'operations',
  writeIops: 'operations',
} as const;

const checkRate = (name: string, unit: string, rate: number | undefined): number | null => {
  if (rate === undefined) return null;
  if (!(Number.isSafeInteger(rate) && rate >= 1))
    throw badInput(name, `from 1 to ${Number.MAX_SAFE_INTEGER} ${unit} a second`, rate);
  // The kernel counts operations in 32 bits.
  return unit === 'operations' ? Math.min(rate, 2 ** 32 - 2) : rate;
};

const checkDevice = (name: string, device: string | undefined, context: LimitsContext): string => {
  const form = 'a disk by its path, such as "/dev/sda", or by its number, such as "8:0"';
  if (device !== undefined && !/^(?:\d{1,9}:\d{1,9}|(?:\/dev(?:\/(?!\.)[\w.:+-]+)+))$/.test(device))
    throw badInput(name, form, device);
  const disk = context.disk(device);
  if ('device' in disk) return disk.device;
  // The default disk cannot be determined: that is not the caller's mistake.
  if (device === undefined) throw limitUnavailable(name, `${disk.problem}: specify a disk`);
  throw badInput(name, form, device);
};

const atMostMemory = (memoryHigh: number | null, memory: () => number | null): number | null => {
  const most = memoryHigh === null ? null : memory();
  if (memoryHigh !== null && most !== null && memoryHigh > most)
    throw badInput(field('memoryHighBytes'), `at most the limit of memory, ${most} bytes`, memoryHigh);
  return memoryHigh;
};

/** A job that asks for more would wait forever, and so would every later one. */
const withinCapacity = (
  name: 'memoryBytes' | 'cpus',
  value: number | null,
  { capacity }: LimitsContext,
): number | null => {
  const most = capacity[name];
  if (most !== null && (value ?? 0) > most)
    throw badInput(field(name), `at most ${most}, the capacity of this server for all jobs together`, value);
  return value;
};
