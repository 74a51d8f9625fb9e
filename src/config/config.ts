/** The settings of the server and of client commands: flags, environment variables, defaults. */

import { homedir, totalmem } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { LOG_FORMATS, LOG_LEVELS, type LogFormat, type LogLevel } from '../log.ts';
import { parseByteSize, parseDuration, withoutUnit } from '../units.ts';
import {
  type Address,
  address,
  basePath,
  baseUrl,
  cpus,
  endpoint,
  headerName,
  hosts,
  httpUrl,
  idBase,
  isLoopback,
  mirror,
  networks,
  origins,
  path,
  positive,
  token,
  whole,
  yesOrNo,
} from './values.ts';

/** The flags that were given, by camel-cased name: their text, or `true` for a flag without a value. */
export type Flags = Readonly<Record<string, unknown>>;
/** Environment variables by their names. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What defaults depend on besides the environment. */
export interface Machine {
  readonly uid: number;
  readonly home: string;
  /** The folder that holds `bin/`, `src/` and `build/`. */
  readonly project: string;
  /** Bytes of its memory. */
  readonly memoryBytes: number;
}

/** One setting: its names, its values, and its default. */
export interface Named<T> {
  /** As on the command line: `--listen <host:port>`; one without `<...>` is a switch. */
  readonly flag: `--${string}`;
  readonly env: `CLOISTER_${string}`;
  readonly help: string;
  /** Completes the sentence "expected ...". */
  readonly expected: string;
  /** @returns `undefined` for text that is not a valid value */
  readonly parse: (text: string) => T | undefined;
  /** The default as the help shows it. */
  readonly shown: string;
  /** The flag may be given several times; its values are joined by commas. */
  readonly repeatable?: true;
  /** Its value is never printed. */
  readonly secret?: true;
}

/** `leave-jobs`: they continue, and the next server finds them; `stop-jobs`: they end before the server does. */
const ON_STOP = ['leave-jobs', 'stop-jobs'] as const;
export type OnStop = (typeof ON_STOP)[number];

interface Setting<T> extends Named<T> {
  /** The default as it would be typed: it is parsed like any other. */
  readonly fallback: (machine: Machine, env: Environment) => string;
}

/** Limits of jobs for which the server has defaults and maxima. */
export interface LimitSettings<T> {
  readonly cpus: T;
  /** Bytes, as are `swap`, `disk` and `output`. */
  readonly memoryBytes: T;
  readonly swapBytes: T;
  readonly pids: T;
  readonly diskBytes: T;
  /** Milliseconds. */
  readonly timeoutMs: T;
  readonly outputBytes: T;
}

/** Bounds for all jobs together; `null`: none. */
export interface Ceilings {
  /** Bytes. */
  readonly memoryBytes: number | null;
  readonly pids: number | null;
  readonly cpus: number | null;
}

/** Where a setting comes from: the flag or the variable, and what was typed. */
export interface Given {
  readonly by: string;
  readonly text: string;
}

/** All settings of `cloister serve`. Paths are absolute. */
export interface ServeConfig {
  /** The settings that were not left to their defaults, by their names in `serveSettings`. */
  readonly set: ReadonlyMap<string, Given>;
  readonly listen: Address;
  readonly listenPublic: boolean;
  /** The address on which metrics are served without a token; `undefined`: none. */
  readonly metricsListen: Address | undefined;
  readonly stateDir: string;
  /** What happens to running jobs when the server is asked to exit. */
  readonly onStop: OnStop;
  readonly log: {
    readonly level: LogLevel;
    readonly format: LogFormat;
    /** Milliseconds from which on an operation is logged as slow; `null`: none is. */
    readonly slowMs: number | null;
  };
  /** Milliseconds between SIGTERM and SIGKILL for jobs that the server stops because it is stopped itself. */
  readonly stopGraceMs: number;
  /** A URL, or a folder that holds the archives; `undefined`: only where each image says. */
  readonly imageMirror: string | undefined;
  /** Where images of registries are fetched from: a URL in place of Docker Hub, and a file of credentials. */
  readonly registry: { readonly mirror: string | undefined; readonly credentialsFile: string | undefined };
  /** Bytes that the files of one image, and those of all that were added, may take. */
  readonly imageLimits: { readonly imageBytes: number; readonly allBytes: number };
  /** Bytes of one file that is uploaded, and of all; milliseconds since its last use that one is kept. */
  readonly fileLimits: {
    readonly fileBytes: number;
    readonly allBytes: number;
    readonly keptMs: number | null;
  };
  /** `host` or `host:port` in lower case: accepted in Host and Origin besides the address listened on. */
  readonly allowedHosts: readonly string[];
  /** Paths of files; `undefined`: connections are not encrypted. */
  readonly tls: TlsConfig | undefined;
  readonly rolesPath: string | undefined;
  /** The address by which others reach the server, without a slash at its end. */
  readonly publicUrl: string | undefined;
  /** As browsers send them. */
  readonly allowedOrigins: readonly string[];
  /** The proxies that name the caller, and the header in which they do, in lower case. */
  readonly proxy: { readonly addresses: readonly string[]; readonly subjectHeader: string } | undefined;
  /** Before every path, such as `/cloister`; empty for none. */
  readonly basePath: string;
  /** `undefined`: the cgroup in which the server was started. */
  readonly cgroupRoot: string | undefined;
  /** First of the host's uids and gids that cells use. */
  readonly idBase: number;
  /** Path of the `cell` binary. */
  readonly launcher: string;
  readonly mostStdinBytes: number;
  /** Limits of a job that does not set them. */
  readonly defaultLimits: LimitSettings<number>;
  /** Limits that no job may exceed; `null`: none. */
  readonly maxima: LimitSettings<number | null>;
  readonly ceilings: Ceilings;
  /** Milliseconds for which entries of the audit log are kept; `null`: not limited. */
  readonly auditKeptMs: number | null;
  /** Which ended jobs are kept; `null`: not limited. */
  readonly retention: {
    /** Milliseconds, as is `packAfter`. */
    readonly ageMs: number | null;
    readonly jobs: number | null;
    readonly bytes: number | null;
    /** `null`: logs are not compressed. */
    readonly packAfterMs: number | null;
  };
  /** What clients may have open at the same time. */
  readonly clients: {
    readonly connections: { readonly all: number; readonly perSubject: number };
    readonly streams: { readonly all: number; readonly perSubject: number };
  };
  /** What one subject may have, where nothing else is set for it; `null`: not limited. */
  readonly quotas: Readonly<ReturnType<typeof readQuotas>>;
  /** Cells that wait for jobs, at most. */
  readonly preparedCells: number;
  readonly queue: {
    /** Jobs that run at the same time. */
    readonly maxRunning: number;
    /** Jobs that wait. */
    readonly maxWaiting: number;
    /** Bytes of command, environment and standard input of all waiting jobs together. */
    readonly maxWaitingBytes: number;
    /** Bytes and CPUs that the limits of running jobs may add up to; `null`: not limited. */
    readonly memoryBytes: number | null;
    readonly cpus: number | null;
  };
}

/** Paths of PEM files, and whether every client needs a certificate. */
export interface TlsConfig {
  readonly certificate: string;
  readonly key: string;
  readonly clientCa: string | undefined;
  readonly crl: string | undefined;
  readonly requireClientCert: boolean;
}

/** The settings of every client command. */
export interface ClientConfig {
  readonly url: URL;
  /** Whether the URL was given; otherwise a server on this machine is reached by its socket if it has one. */
  readonly urlGiven: boolean;
  readonly token: string | undefined;
  /** The flag or variable that gave the token. */
  readonly tokenFrom?: string | undefined;
  /** Paths of PEM files. */
  readonly tls: ClientTls;
  /** The name of the profile that was asked for. */
  readonly profile?: string | undefined;
  /** The file of the profiles. */
  readonly profilesPath: string;
  /** Whether a server on this machine was asked for. */
  readonly stateDirGiven: boolean;
  /** State folders that a server on this machine may have, most likely first; empty when the server is elsewhere. */
  readonly stateDirs: readonly string[];
}

/** The TLS settings of a client: paths of PEM files. */
export interface ClientTls {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** The name in `serveSettings` of a setting about a limit: `maxMemory` for `max` and `memory`. */
export const limitSetting = (
  kind: 'default' | 'max' | 'ceiling' | 'capacity',
  limit: keyof LimitSettings<unknown>,
): string => {
  const name = withoutUnit(limit);
  return `${kind}${name.charAt(0).toUpperCase()}${name.slice(1)}`;
};

/** A setting whose value cannot be used. The message is for the person who set it. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

const limit = <T>(
  name: string,
  help: string,
  expected: string,
  parse: (text: string) => T | undefined,
  fallback: string,
): Setting<T> => ({
  flag: `--default-${name} <value>`,
  env: `CLOISTER_DEFAULT_${name.toUpperCase()}`,
  help: `${help} of a job that sets no such limit`,
  expected,
  parse,
  fallback: () => fallback,
  shown: fallback,
});

/** The maximum that belongs to the default of a limit. */
const maximum = <T>({ flag, env, help, expected, parse }: Setting<T>): Named<T> => ({
  flag: `--${flag.replace('--default-', 'max-')}`,
  env: `CLOISTER_${env.replace('CLOISTER_DEFAULT_', 'MAX_')}`,
  help: `${help.replace(' of a job that sets no such limit', '')} that a job may ask for at most`,
  expected,
  parse,
  shown: 'whatever it asks for',
});

/** A value, or `none` for no bound. */
const orNone =
  <T>(parse: (text: string) => T | undefined) =>
  (text: string): T | null | undefined =>
    text === 'none' ? null : parse(text);

const SIZE = 'a size such as 1048576 (bytes), 512Mi or 1G';
const SOME = `${SIZE}, and not 0`;
const TIME = 'a duration such as 90s or 1h30m, and not 0';

const defaults = {
  cpus: limit('cpus', 'CPUs', 'a number of CPUs from 0.01 to 1024', cpus, '1'),
  memoryBytes: limit('memory', 'memory', SOME, positive(parseByteSize), '512Mi'),
  swapBytes: limit('swap', 'swap', SIZE, parseByteSize, '0'),
  pids: limit(
    'pids',
    'processes and threads',
    'a whole number from 1 to 4194304',
    (text) => whole(text, 1, 4_194_304),
    '256',
  ),
  diskBytes: limit('disk', 'writable disk space', SOME, positive(parseByteSize), '256Mi'),
  timeoutMs: limit('timeout', 'run time', TIME, positive(parseDuration), '1h'),
  outputBytes: limit('output', 'output kept', SOME, positive(parseByteSize), '64Mi'),
} as const satisfies LimitSettings<Setting<number>>;

const COUNT = 'a whole number from 1 to 1000000';
const count = (text: string): number | undefined => whole(text, 1, 1_000_000);

/** What one subject may have, unless an admin has set something else for it. */
const quota = <T>(
  name: string,
  help: string,
  expected: string,
  parse: (text: string) => T | undefined,
): Setting<T | null> => ({
  flag: `--quota-${name} <value>`,
  env: `CLOISTER_QUOTA_${name.toUpperCase()}`,
  help: `${help}, of one subject, where "cloister quota set" says nothing else`,
  expected: `${expected}, or none`,
  parse: orNone(parse),
  fallback: () => 'none',
  shown: 'none',
});

/** The settings of `cloister serve`. */
export const serveSettings = {
  listen: {
    flag: '--listen <host:port>',
    env: 'CLOISTER_LISTEN',
    help: 'address to listen on; port 0 means any free port',
    expected: 'HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080',
    parse: address,
    fallback: () => '127.0.0.1:8080',
    shown: '127.0.0.1:8080',
  } satisfies Setting<Address>,
  listenPublic: {
    flag: '--listen-public',
    env: 'CLOISTER_LISTEN_PUBLIC',
    help: 'accept an address to listen on that other machines can reach',
    expected: 'true or false',
    parse: yesOrNo,
    fallback: () => 'false',
    shown: 'false',
  } satisfies Setting<boolean>,
  metricsListen: {
    flag: '--metrics-listen <host:port>',
    env: 'CLOISTER_METRICS_LISTEN',
    help: 'address on which /metrics, /healthz and /readyz are served without a token; port 0 means any free port',
    expected: 'HOST:PORT, such as 127.0.0.1:9464',
    parse: address,
    shown: 'none: /metrics is on the main address, for admins',
  } satisfies Named<Address>,
  stateDir: {
    flag: '--state-dir <folder>',
    env: 'CLOISTER_STATE_DIR',
    help: 'folder of jobs, images and the admin token',
    expected: 'a folder',
    parse: path,
    fallback: ({ uid, home }, env) => {
      if (uid === 0) return '/var/lib/cloister';
      // The XDG Base Directory Specification: a relative path is invalid and to be ignored.
      const xdg = env['XDG_STATE_HOME'] ?? '';
      return join(isAbsolute(xdg) ? xdg : join(home, '.local', 'state'), 'cloister');
    },
    shown: '/var/lib/cloister for root, else $XDG_STATE_HOME/cloister or ~/.local/state/cloister',
  } satisfies Setting<string>,
  onStop: {
    flag: '--on-stop <what>',
    env: 'CLOISTER_ON_STOP',
    help: 'what SIGTERM to the server does to running jobs: they continue, or are stopped first',
    expected: ON_STOP.join(' or '),
    parse: (text) => ON_STOP.find((name) => name === text),
    fallback: () => 'leave-jobs',
    shown: 'leave-jobs; stop-jobs in the container image',
  } satisfies Setting<OnStop>,
  stopGrace: {
    flag: '--stop-grace <duration>',
    env: 'CLOISTER_STOP_GRACE',
    help: 'with --on-stop stop-jobs, how long jobs have to end after SIGTERM; then they are killed',
    expected: 'a duration from 0s to 1h, such as 5s',
    parse: (text) => {
      const ms = parseDuration(text);
      return ms !== undefined && ms <= 3_600_000 ? ms : undefined;
    },
    // Docker kills a container 10 s after the signal.
    fallback: () => '5s',
    shown: '5s',
  } satisfies Setting<number>,
  logLevel: {
    flag: '--log-level <level>',
    env: 'CLOISTER_LOG_LEVEL',
    help: 'which lines the log has: those of this level and of more urgent ones',
    expected: LOG_LEVELS.join(', '),
    parse: (text) => LOG_LEVELS.find((name) => name === text),
    fallback: () => 'info',
    shown: 'info',
  } satisfies Setting<LogLevel>,
  logFormat: {
    flag: '--log-format <format>',
    env: 'CLOISTER_LOG_FORMAT',
    help: 'json: one line of JSON for each event; pretty: for people; auto: pretty on a terminal, json elsewhere',
    expected: LOG_FORMATS.join(', '),
    parse: (text) => LOG_FORMATS.find((name) => name === text),
    fallback: () => 'auto',
    shown: 'auto',
  } satisfies Setting<LogFormat>,
  logSlow: {
    flag: '--log-slow <duration>',
    env: 'CLOISTER_LOG_SLOW',
    help: 'an operation that takes this long is logged as slow',
    expected: `${TIME}, or none`,
    parse: orNone(positive(parseDuration)),
    fallback: () => '2s',
    shown: '2s',
  } satisfies Setting<number | null>,
  imageMirror: {
    flag: '--image-mirror <url>',
    env: 'CLOISTER_IMAGE_MIRROR',
    help: 'URL or folder to try first for image archives',
    expected: 'an http or https URL, or a folder',
    parse: mirror,
    shown: 'none',
  } satisfies Named<string>,
  allowedHosts: {
    flag: '--allowed-host <hosts>',
    env: 'CLOISTER_ALLOWED_HOSTS',
    help: 'further host names of this server that browsers and clients may use, separated by commas',
    expected: 'HOST or HOST:PORT, with commas between',
    parse: hosts,
    shown: 'none',
  } satisfies Named<readonly string[]>,
  publicUrl: {
    flag: '--public-url <url>',
    env: 'CLOISTER_PUBLIC_URL',
    help: 'where others reach the server, for links to it, such as https://jobs.example/cloister',
    expected: 'an http or https URL without query and fragment',
    parse: baseUrl,
    shown: 'the Host of the request, or the address that the server listens on',
  } satisfies Named<string>,
  allowOrigin: {
    flag: '--allow-origin <origins>',
    env: 'CLOISTER_ALLOW_ORIGIN',
    help: 'origins of other sites whose pages may use the API with a token, separated by commas',
    expected: 'origins such as https://app.example, each in full, with commas between',
    parse: origins,
    shown: 'none',
    repeatable: true,
  } satisfies Named<readonly string[]>,
  tlsCert: {
    flag: '--tls-cert <file>',
    env: 'CLOISTER_TLS_CERT',
    help: 'certificate of the server (PEM), with those of intermediate authorities after it',
    expected: 'a path',
    parse: path,
    shown: 'none: connections are not encrypted',
  } satisfies Named<string>,
  tlsKey: {
    flag: '--tls-key <file>',
    env: 'CLOISTER_TLS_KEY',
    help: 'key of that certificate (PEM)',
    expected: 'a path',
    parse: path,
    shown: 'none',
  } satisfies Named<string>,
  tlsClientCa: {
    flag: '--tls-client-ca <file>',
    env: 'CLOISTER_TLS_CLIENT_CA',
    help: 'authorities whose client certificates are accepted (PEM)',
    expected: 'a path',
    parse: path,
    shown: 'none: no client certificates are asked for',
  } satisfies Named<string>,
  tlsCrl: {
    flag: '--tls-crl <file>',
    env: 'CLOISTER_TLS_CRL',
    help: 'lists of revoked client certificates (PEM)',
    expected: 'a path',
    parse: path,
    shown: 'none',
  } satisfies Named<string>,
  tlsRequireClientCert: {
    flag: '--tls-require-client-cert',
    env: 'CLOISTER_TLS_REQUIRE_CLIENT_CERT',
    help: 'accept no connection without a client certificate; by default a token is enough',
    expected: 'true or false',
    parse: yesOrNo,
    fallback: () => 'false',
    shown: 'false',
  } satisfies Setting<boolean>,
  trustProxy: {
    flag: '--trust-proxy <addresses>',
    env: 'CLOISTER_TRUST_PROXY',
    help: 'addresses of proxies that sign callers in and name them in the header of --subject-header, separated by commas',
    expected: 'IP addresses, or networks such as 10.0.0.0/8, with commas between',
    parse: networks,
    shown: 'none',
    repeatable: true,
  } satisfies Named<readonly string[]>,
  subjectHeader: {
    flag: '--subject-header <name>',
    env: 'CLOISTER_SUBJECT_HEADER',
    help: 'header in which a trusted proxy names the caller; from everybody else it is refused',
    expected: 'the name of a header that has no other meaning, such as X-Forwarded-User',
    parse: headerName,
    shown: 'none',
  } satisfies Named<string>,
  roles: {
    flag: '--roles <file>',
    env: 'CLOISTER_ROLES',
    help: 'file with the roles of callers with a client certificate or of a trusted proxy: TOML, such as "alice@example.com" = "user"',
    expected: 'a path',
    parse: path,
    shown: 'the organizational unit of the certificate; USER by a proxy',
  } satisfies Named<string>,
  basePath: {
    flag: '--base-path <path>',
    env: 'CLOISTER_BASE_PATH',
    help: 'path prefix that a proxy passes on to the server; paths without it are served as well',
    expected: 'a path such as /cloister, of letters, digits and . _ - ~, without a slash at its end',
    parse: basePath,
    fallback: () => '/',
    shown: '/',
  } satisfies Setting<string>,
  cgroupRoot: {
    flag: '--cgroup-root <folder>',
    env: 'CLOISTER_CGROUP_ROOT',
    help: 'cgroup v2 folder to make the cgroups of jobs in',
    expected: 'a folder',
    parse: path,
    shown: 'the cgroup the server was started in',
  } satisfies Named<string>,
  idBase: {
    flag: '--id-base <id>',
    env: 'CLOISTER_ID_BASE',
    help: 'first of the user and group ids that cells have on this machine',
    expected: 'a multiple of 65536 from 65536 to 4294836224',
    parse: idBase,
    fallback: () => '1879048192',
    shown: '1879048192',
  } satisfies Setting<number>,
  launcher: {
    flag: '--launcher <file>',
    env: 'CLOISTER_LAUNCHER',
    help: 'the program that makes cells',
    expected: 'a file',
    parse: path,
    fallback: ({ project }) => join(project, 'build', 'cell'),
    shown: 'build/cell of this installation',
  } satisfies Setting<string>,
  maxRunning: {
    flag: '--max-running <jobs>',
    env: 'CLOISTER_MAX_RUNNING',
    help: 'jobs that run at the same time; others wait',
    expected: 'a whole number from 1 to 100000',
    parse: (text) => whole(text, 1, 100_000),
    fallback: () => '256',
    shown: '256',
  } satisfies Setting<number>,
  preparedCells: {
    flag: '--prepared-cells <cells>',
    env: 'CLOISTER_PREPARED_CELLS',
    help: 'cells that are made in advance, with the settings of recent jobs; each takes 0.5 MB',
    expected: 'a whole number from 0 to 64',
    parse: (text) => whole(text, 0, 64),
    fallback: () => '4',
    shown: '4',
  } satisfies Setting<number>,
  maxQueued: {
    flag: '--max-queued <jobs>',
    env: 'CLOISTER_MAX_QUEUED',
    help: 'jobs that may wait; more are refused',
    expected: 'a whole number from 1 to 1000000',
    parse: (text) => whole(text, 1, 1_000_000),
    fallback: () => '10000',
    shown: '10000',
  } satisfies Setting<number>,
  maxQueuedBytes: {
    flag: '--max-queued-bytes <size>',
    env: 'CLOISTER_MAX_QUEUED_BYTES',
    help: 'bytes of commands, environments and standard input that waiting jobs may have together; more are refused',
    expected: 'a size such as 512Mi',
    parse: positive(parseByteSize),
    fallback: () => '1Gi',
    shown: '1Gi',
  } satisfies Setting<number>,
  maxStdin: {
    flag: '--max-stdin <size>',
    env: 'CLOISTER_MAX_STDIN',
    help: 'bytes of standard input that a job may have; a request can carry less than 16Mi',
    expected: 'a size such as 1Mi',
    parse: positive(parseByteSize),
    fallback: () => '8Mi',
    shown: '8Mi',
  } satisfies Setting<number>,
  registryMirror: {
    flag: '--registry-mirror <url>',
    env: 'CLOISTER_REGISTRY_MIRROR',
    help: 'registry to ask for images of Docker Hub',
    expected: 'an http or https URL, such as https://mirror.example',
    parse: httpUrl,
    shown: 'none',
  } satisfies Named<URL>,
  registryCredentials: {
    flag: '--registry-credentials <file>',
    env: 'CLOISTER_REGISTRY_CREDENTIALS',
    help: 'file of credentials for registries, as "docker login" writes it (config.json)',
    expected: 'a file',
    parse: path,
    shown: 'none',
  } satisfies Named<string>,
  maxImage: {
    flag: '--max-image <size>',
    env: 'CLOISTER_MAX_IMAGE',
    help: 'bytes of the files of an image that is added; a larger one is refused',
    expected: SOME,
    parse: positive(parseByteSize),
    fallback: () => '16Gi',
    shown: '16Gi',
  } satisfies Setting<number>,
  maxImages: {
    flag: '--max-images <size>',
    env: 'CLOISTER_MAX_IMAGES',
    help: 'bytes of the files of all images that were added; layers that they share count once',
    expected: SOME,
    parse: positive(parseByteSize),
    fallback: () => '64Gi',
    shown: '64Gi',
  } satisfies Setting<number>,
  maxFile: {
    flag: '--max-file <size>',
    env: 'CLOISTER_MAX_FILE',
    help: 'bytes of a file that is uploaded for jobs; a larger one is refused',
    expected: SOME,
    parse: positive(parseByteSize),
    fallback: () => '16Gi',
    shown: '16Gi',
  } satisfies Setting<number>,
  maxFiles: {
    flag: '--max-files <size>',
    env: 'CLOISTER_MAX_FILES',
    help: 'bytes of all files that were uploaded for jobs',
    expected: SOME,
    parse: positive(parseByteSize),
    fallback: () => '64Gi',
    shown: '64Gi',
  } satisfies Setting<number>,
  keepFiles: {
    flag: '--keep-files <duration>',
    env: 'CLOISTER_KEEP_FILES',
    help: 'how long an uploaded file that no job needs is kept after its last use; none: forever',
    expected: `${TIME}, or none`,
    parse: orNone(positive(parseDuration)),
    fallback: () => '7d',
    shown: '7d',
  } satisfies Setting<number | null>,
  maxConnections: {
    flag: '--max-connections <count>',
    env: 'CLOISTER_MAX_CONNECTIONS',
    help: 'connections of clients over TCP; further ones are closed',
    expected: 'a whole number from 1 to 1000000',
    parse: (text) => whole(text, 1, 1_000_000),
    fallback: () => '20000',
    shown: '20000',
  } satisfies Setting<number>,
  maxConnectionsPerSubject: {
    flag: '--max-connections-per-subject <count>',
    env: 'CLOISTER_MAX_CONNECTIONS_PER_SUBJECT',
    help: 'of these, connections of one caller; further ones are refused',
    expected: 'a whole number from 1 to 1000000',
    parse: (text) => whole(text, 1, 1_000_000),
    fallback: () => '15000',
    shown: '15000',
  } satisfies Setting<number>,
  quotaRunning: quota('running', 'jobs that run at the same time', COUNT, count),
  quotaQueued: quota('queued', 'jobs that wait', COUNT, count),
  quotaCpus: quota(
    'cpus',
    'CPUs that the limits of running jobs add up to',
    'a number of CPUs from 0.01 to 1024',
    cpus,
  ),
  quotaMemory: quota(
    'memory',
    'memory that the limits of running jobs add up to',
    SOME,
    positive(parseByteSize),
  ),
  quotaSubmissions: quota('submissions', 'jobs submitted in a minute', COUNT, count),
  quotaStorage: quota('storage', 'disk space of jobs that have ended', SOME, positive(parseByteSize)),
  quotaFiles: quota('files', 'files that were uploaded for jobs', SOME, positive(parseByteSize)),
  maxStreams: {
    flag: '--max-streams <count>',
    env: 'CLOISTER_MAX_STREAMS',
    help: 'subscriptions that are open at the same time; further ones are refused',
    expected: 'a whole number from 1 to 1000000',
    parse: (text) => whole(text, 1, 1_000_000),
    fallback: () => '20000',
    shown: '20000',
  } satisfies Setting<number>,
  maxStreamsPerSubject: {
    flag: '--max-streams-per-subject <count>',
    env: 'CLOISTER_MAX_STREAMS_PER_SUBJECT',
    help: 'of these, subscriptions of one caller',
    expected: 'a whole number from 1 to 1000000',
    parse: (text) => whole(text, 1, 1_000_000),
    fallback: () => '15000',
    shown: '15000',
  } satisfies Setting<number>,
  capacityMemory: {
    flag: '--capacity-memory <value>',
    env: 'CLOISTER_CAPACITY_MEMORY',
    help: 'what the memory limits of running jobs may add up to; others wait until enough is left',
    expected: SOME,
    parse: positive(parseByteSize),
    shown: 'whatever they ask for',
  } satisfies Named<number>,
  capacityCpus: {
    flag: '--capacity-cpus <value>',
    env: 'CLOISTER_CAPACITY_CPUS',
    help: 'what the CPU limits of running jobs may add up to; others wait until enough are left',
    expected: 'a number of CPUs from 0.01 to 1024',
    parse: cpus,
    shown: 'whatever they ask for',
  } satisfies Named<number>,
  retainAge: {
    flag: '--retain-age <duration>',
    env: 'CLOISTER_RETAIN_AGE',
    help: 'how long a job is kept with its log after its end; pinned jobs are kept longer',
    expected: `${TIME}, or none`,
    parse: orNone(positive(parseDuration)),
    fallback: () => '30d',
    shown: '30d',
  } satisfies Setting<number | null>,
  retainJobs: {
    flag: '--retain-jobs <count>',
    env: 'CLOISTER_RETAIN_JOBS',
    help: 'how many ended jobs are kept; the oldest are removed first',
    expected: 'a whole number from 1 to 100000000, or none',
    parse: orNone((text) => whole(text, 1, 100_000_000)),
    fallback: () => '100000',
    shown: '100000',
  } satisfies Setting<number | null>,
  retainBytes: {
    flag: '--retain-bytes <size>',
    env: 'CLOISTER_RETAIN_BYTES',
    help: 'how much disk space ended jobs may take; the oldest are removed first',
    expected: `${SOME}, or none`,
    parse: orNone(positive(parseByteSize)),
    fallback: () => '10Gi',
    shown: '10Gi',
  } satisfies Setting<number | null>,
  retainAudit: {
    flag: '--retain-audit <duration>',
    env: 'CLOISTER_RETAIN_AUDIT',
    help: 'how long entries of the audit log are kept',
    expected: `${TIME}, or none`,
    parse: orNone(positive(parseDuration)),
    fallback: () => '90d',
    shown: '90d',
  } satisfies Setting<number | null>,
  compressAfter: {
    flag: '--compress-after <duration>',
    env: 'CLOISTER_COMPRESS_AFTER',
    help: 'when the log of an ended job is compressed',
    expected: `${TIME}, or none`,
    parse: orNone(positive(parseDuration)),
    fallback: () => '1h',
    shown: '1h',
  } satisfies Setting<number | null>,
  ceilingMemory: {
    flag: '--ceiling-memory <value>',
    env: 'CLOISTER_CEILING_MEMORY',
    help: 'memory for all jobs together; "none" sets no bound',
    expected: `${SOME}, or none`,
    parse: orNone(positive(parseByteSize)),
    fallback: ({ memoryBytes: memory }) => String(Math.floor((memory * 4) / 5)),
    shown: "four fifths of the machine's",
  } satisfies Setting<number | null>,
  ceilingPids: {
    flag: '--ceiling-pids <value>',
    env: 'CLOISTER_CEILING_PIDS',
    help: 'processes and threads for all jobs together; "none" sets no bound',
    expected: 'a whole number from 1 to 4194304, or none',
    parse: orNone((text) => whole(text, 1, 4_194_304)),
    fallback: () => '16384',
    shown: '16384',
  } satisfies Setting<number | null>,
  ceilingCpus: {
    flag: '--ceiling-cpus <value>',
    env: 'CLOISTER_CEILING_CPUS',
    help: 'CPUs for all jobs together; "none" sets no bound',
    expected: 'a number of CPUs from 0.01 to 1024, or none',
    parse: orNone(cpus),
    fallback: () => 'none',
    shown: 'none',
  } satisfies Setting<number | null>,
  defaultCpus: defaults.cpus,
  defaultMemory: defaults.memoryBytes,
  defaultSwap: defaults.swapBytes,
  defaultPids: defaults.pids,
  defaultDisk: defaults.diskBytes,
  defaultTimeout: defaults.timeoutMs,
  defaultOutput: defaults.outputBytes,
  maxCpus: maximum(defaults.cpus),
  maxMemory: maximum(defaults.memoryBytes),
  maxSwap: maximum(defaults.swapBytes),
  maxPids: maximum(defaults.pids),
  maxDisk: maximum(defaults.diskBytes),
  maxTimeout: maximum(defaults.timeoutMs),
  maxOutput: maximum(defaults.outputBytes),
} as const;

/** The settings of client commands, and `--state-dir` to find the token. */
export const clientSettings = {
  url: {
    flag: '--url <url>',
    env: 'CLOISTER_URL',
    help: 'GraphQL endpoint of the server; "/graphql" may be left out after the host',
    expected: 'an http or https URL, such as http://127.0.0.1:8080/graphql',
    parse: endpoint,
    fallback: () => 'http://127.0.0.1:8080/graphql',
    shown: 'the socket in the state folder, else http://127.0.0.1:8080/graphql',
  } satisfies Setting<URL>,
  token: {
    flag: '--token <token>',
    env: 'CLOISTER_TOKEN',
    help: 'token to sign in with; on this machine it is read from the state folder',
    expected: 'a token: printable ASCII without spaces',
    parse: token,
    shown: 'the file "token" in the state folder',
    secret: true,
  } satisfies Named<string>,
  profile: {
    flag: '--profile <name>',
    env: 'CLOISTER_PROFILE',
    help: 'server that "cloister login" has stored under this name',
    expected: 'a name',
    parse: (text) => text,
    shown: 'the one that was signed in to last',
  } satisfies Named<string>,
  ca: {
    flag: '--ca <file>',
    env: 'CLOISTER_CA',
    help: 'authorities that may have signed the certificate of the server (PEM)',
    expected: 'a path',
    parse: path,
    shown: 'those that Node.js knows',
  } satisfies Named<string>,
  cert: {
    flag: '--cert <file>',
    env: 'CLOISTER_CERT',
    help: 'client certificate to sign in with (PEM)',
    expected: 'a path',
    parse: path,
    shown: 'none',
  } satisfies Named<string>,
  key: {
    flag: '--key <file>',
    env: 'CLOISTER_KEY',
    help: 'key of the client certificate (PEM)',
    expected: 'a path',
    parse: path,
    shown: 'none',
  } satisfies Named<string>,
  stateDir: serveSettings.stateDir,
} as const;

/** Facts about this machine and this installation. */
export const thisMachine = (): Machine => ({
  uid: process.getuid?.() ?? -1,
  home: homedir(),
  project: join(import.meta.dirname, '..', '..'),
  memoryBytes: Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY),
});

/**
 * Settings of the server: the flag wins over the environment, the environment over the default.
 *
 * @param flags by the camel-cased name of the flag: `stateDir` for `--state-dir`
 * @throws ConfigError that names the flag or variable, what was expected and what was received
 */
export const parseServeConfig = (flags: Flags, env: Environment, machine = thisMachine()): ServeConfig => {
  const listen = read(serveSettings.listen, flags, env, machine);
  const listenPublic = read(serveSettings.listenPublic, flags, env, machine);
  const tls = tlsConfig(flags, env, machine);
  if (!listenPublic && !isLoopback(listen.host) && tls === undefined) throw publicListener(listen.host);
  const metricsListen = given(serveSettings.metricsListen, flags, env);
  if (
    metricsListen !== undefined &&
    metricsListen.port !== 0 &&
    metricsListen.port === listen.port &&
    metricsListen.host === listen.host
  )
    throw new ConfigError(
      `--metrics-listen: expected another address than that of --listen, got ${metricsListen.host}:${metricsListen.port}`,
    );
  if (!listenPublic && metricsListen !== undefined && !isLoopback(metricsListen.host))
    throw new ConfigError(
      `--metrics-listen: ${metricsListen.host} is not a loopback address, so other machines could read the metrics ` +
        'without a token. Give --listen-public (CLOISTER_LISTEN_PUBLIC=true) if that is what you want, or have them ' +
        'read from the main address with the token of an admin.',
    );
  return {
    set: givenSettings(flags, env),
    listen,
    listenPublic,
    metricsListen,
    stateDir: read(serveSettings.stateDir, flags, env, machine),
    onStop: read(serveSettings.onStop, flags, env, machine),
    log: {
      level: read(serveSettings.logLevel, flags, env, machine),
      format: read(serveSettings.logFormat, flags, env, machine),
      slowMs: read(serveSettings.logSlow, flags, env, machine),
    },
    stopGraceMs: read(serveSettings.stopGrace, flags, env, machine),
    imageMirror: given(serveSettings.imageMirror, flags, env),
    registry: {
      mirror: given(serveSettings.registryMirror, flags, env)?.href,
      credentialsFile: given(serveSettings.registryCredentials, flags, env),
    },
    imageLimits: {
      imageBytes: read(serveSettings.maxImage, flags, env, machine),
      allBytes: read(serveSettings.maxImages, flags, env, machine),
    },
    fileLimits: {
      fileBytes: read(serveSettings.maxFile, flags, env, machine),
      allBytes: read(serveSettings.maxFiles, flags, env, machine),
      keptMs: read(serveSettings.keepFiles, flags, env, machine),
    },
    allowedHosts: given(serveSettings.allowedHosts, flags, env) ?? [],
    basePath: read(serveSettings.basePath, flags, env, machine),
    tls,
    rolesPath: rolesConfig(flags, env),
    publicUrl: given(serveSettings.publicUrl, flags, env),
    allowedOrigins: given(serveSettings.allowOrigin, flags, env) ?? [],
    proxy: proxyConfig(flags, env),
    cgroupRoot: given(serveSettings.cgroupRoot, flags, env),
    idBase: read(serveSettings.idBase, flags, env, machine),
    launcher: read(serveSettings.launcher, flags, env, machine),
    mostStdinBytes: read(serveSettings.maxStdin, flags, env, machine),
    clients: {
      connections: {
        all: read(serveSettings.maxConnections, flags, env, machine),
        perSubject: read(serveSettings.maxConnectionsPerSubject, flags, env, machine),
      },
      streams: {
        all: read(serveSettings.maxStreams, flags, env, machine),
        perSubject: read(serveSettings.maxStreamsPerSubject, flags, env, machine),
      },
    },
    quotas: readQuotas(flags, env, machine),
    preparedCells: read(serveSettings.preparedCells, flags, env, machine),
    queue: {
      maxRunning: read(serveSettings.maxRunning, flags, env, machine),
      maxWaiting: read(serveSettings.maxQueued, flags, env, machine),
      maxWaitingBytes: read(serveSettings.maxQueuedBytes, flags, env, machine),
      memoryBytes: given(serveSettings.capacityMemory, flags, env) ?? null,
      cpus: given(serveSettings.capacityCpus, flags, env) ?? null,
    },
    defaultLimits: {
      cpus: read(serveSettings.defaultCpus, flags, env, machine),
      memoryBytes: read(serveSettings.defaultMemory, flags, env, machine),
      swapBytes: read(serveSettings.defaultSwap, flags, env, machine),
      pids: read(serveSettings.defaultPids, flags, env, machine),
      diskBytes: read(serveSettings.defaultDisk, flags, env, machine),
      timeoutMs: read(serveSettings.defaultTimeout, flags, env, machine),
      outputBytes: read(serveSettings.defaultOutput, flags, env, machine),
    },
    maxima: {
      cpus: given(serveSettings.maxCpus, flags, env) ?? null,
      memoryBytes: given(serveSettings.maxMemory, flags, env) ?? null,
      swapBytes: given(serveSettings.maxSwap, flags, env) ?? null,
      pids: given(serveSettings.maxPids, flags, env) ?? null,
      diskBytes: given(serveSettings.maxDisk, flags, env) ?? null,
      timeoutMs: given(serveSettings.maxTimeout, flags, env) ?? null,
      outputBytes: given(serveSettings.maxOutput, flags, env) ?? null,
    },
    ceilings: {
      memoryBytes: read(serveSettings.ceilingMemory, flags, env, machine),
      pids: read(serveSettings.ceilingPids, flags, env, machine),
      cpus: read(serveSettings.ceilingCpus, flags, env, machine),
    },
    auditKeptMs: read(serveSettings.retainAudit, flags, env, machine),
    retention: {
      ageMs: read(serveSettings.retainAge, flags, env, machine),
      jobs: read(serveSettings.retainJobs, flags, env, machine),
      bytes: read(serveSettings.retainBytes, flags, env, machine),
      packAfterMs: read(serveSettings.compressAfter, flags, env, machine),
    },
  };
};

/** By the names that quotas have in the server, whose types are checked where it starts. */
const readQuotas = (flags: Flags, env: Environment, machine: Machine) => ({
  runningJobs: read(serveSettings.quotaRunning, flags, env, machine),
  queuedJobs: read(serveSettings.quotaQueued, flags, env, machine),
  cpus: read(serveSettings.quotaCpus, flags, env, machine),
  memoryBytes: read(serveSettings.quotaMemory, flags, env, machine),
  submissionsPerMinute: read(serveSettings.quotaSubmissions, flags, env, machine),
  storageBytes: read(serveSettings.quotaStorage, flags, env, machine),
  filesBytes: read(serveSettings.quotaFiles, flags, env, machine),
});

/** Settings of the client commands. Parameters and errors as for `parseServeConfig`. */
export const parseClientConfig = (flags: Flags, env: Environment, machine = thisMachine()): ClientConfig => {
  const url = read(clientSettings.url, flags, env, machine);
  const stateDirs = parseStateDirs(flags, env, machine);
  return {
    url,
    urlGiven: given(clientSettings.url, flags, env) !== undefined,
    token: given(clientSettings.token, flags, env),
    tokenFrom: find(clientSettings.token, flags, env)?.by,
    tls: {
      ca: given(clientSettings.ca, flags, env),
      cert: given(clientSettings.cert, flags, env),
      key: given(clientSettings.key, flags, env),
    },
    stateDirs: isLoopback(url.hostname) ? stateDirs : [],
    stateDirGiven: given(clientSettings.stateDir, flags, env) !== undefined,
    profile: given(clientSettings.profile, flags, env),
    profilesPath: profilesPath(env, machine),
  };
};

/** The XDG base directory specification: a path that is not absolute is ignored. */
const profilesPath = ({ XDG_CONFIG_HOME: folder = '' }: Environment, { home }: Machine): string =>
  join(isAbsolute(folder) ? folder : join(home, '.config'), 'cloister', 'config.toml');

/**
 * Where the state folder of a server on this machine may be, most likely first: the one that was named, else the default,
 * else that of `make run`, which keeps its state in the checkout.
 *
 * @throws ConfigError
 */
export const parseStateDirs = (
  flags: Flags,
  env: Environment,
  machine = thisMachine(),
): readonly [string, ...string[]] => {
  const stateDir = given(serveSettings.stateDir, flags, env);
  if (stateDir !== undefined) return [stateDir];
  return [serveSettings.stateDir.fallback(machine, env), join(machine.project, '.state')];
};

/** The flag of a setting, without its value. */
export const optionOf = ({ flag }: Named<unknown>): string => flag.replace(/ .*/, '');

/** Where a setting was set, by flag or environment; an empty variable counts as unset. */
const find = (setting: Named<unknown>, flags: Flags, env: Environment): Given | undefined => {
  const option = optionOf(setting);
  const name = setting.env;
  const value = flags[option.slice(2).replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())];
  if (value !== undefined) return { by: option, text: String(value) };
  const text = env[name] ?? '';
  return text === '' ? FILES.get(env)?.get(name) : { by: name, text };
};

/** The settings of a configuration file, by the environment whose variables win over them. */
const FILES = new WeakMap<Environment, ReadonlyMap<string, Given>>();

/**
 * An environment with the settings of a file, which apply where no variable is set.
 *
 * @param values by the name of their variable
 */
export const fromFile = (env: Environment, values: ReadonlyMap<string, Given>): Environment => {
  const both = { ...env };
  FILES.set(both, values);
  return both;
};

/** The default of a setting as it would be typed; `undefined`: there is none. */
export const defaultText = (
  setting: Named<unknown>,
  machine: Machine,
  env: Environment,
): string | undefined =>
  'fallback' in setting ? (setting as Setting<unknown>).fallback(machine, env) : undefined;

const givenSettings = (flags: Flags, env: Environment): ReadonlyMap<string, Given> =>
  new Map(
    Object.entries(serveSettings).flatMap(([name, setting]) => {
      const found = find(setting, flags, env);
      return found === undefined ? [] : [[name, found] as const];
    }),
  );

const given = <T>(setting: Named<T>, flags: Flags, env: Environment): T | undefined => {
  const found = find(setting, flags, env);
  return found && parse(setting, found.by, found.text);
};

const read = <T>(setting: Setting<T>, flags: Flags, env: Environment, machine: Machine): T => {
  const set = given(setting, flags, env);
  // `null` is a value as well: none.
  return set === undefined
    ? parse(setting, `default of ${setting.env}`, setting.fallback(machine, env))
    : set;
};

const parse = <T>(setting: Named<T>, source: string, text: string): T => {
  const value = setting.parse(text);
  if (value !== undefined) return value;
  const shown = setting.secret ? 'something else' : JSON.stringify(text);
  throw new ConfigError(`${source}: expected ${setting.expected}, got ${shown}`);
};

/**
 * Checks that a setting is given together with another one.
 *
 * @throws ConfigError if the other one is missing
 */
const needs = (setting: Named<unknown>, other: Named<unknown>, flags: Flags, env: Environment): void => {
  const found = find(setting, flags, env);
  if (found !== undefined && find(other, flags, env) === undefined)
    throw new ConfigError(`${found.by}: expected together with ${optionOf(other)}, got none`);
};

/**
 * The path of the file of roles.
 *
 * @throws ConfigError without client certificates and a trusted proxy: nobody else has a role from this file
 */
const rolesConfig = (flags: Flags, env: Environment): string | undefined => {
  const { roles, tlsClientCa, trustProxy } = serveSettings;
  const found = find(roles, flags, env);
  const isUsed = [tlsClientCa, trustProxy].some((setting) => find(setting, flags, env) !== undefined);
  if (found !== undefined && !isUsed)
    throw new ConfigError(
      `${found.by}: expected together with ${optionOf(tlsClientCa)} or ${optionOf(trustProxy)}, got none`,
    );
  return given(roles, flags, env);
};

const proxyConfig = (flags: Flags, env: Environment): ServeConfig['proxy'] => {
  const { trustProxy, subjectHeader: header } = serveSettings;
  needs(trustProxy, header, flags, env);
  needs(header, trustProxy, flags, env);
  const addresses = given(trustProxy, flags, env);
  const subjectHeader = given(header, flags, env);
  return addresses === undefined || subjectHeader === undefined ? undefined : { addresses, subjectHeader };
};

/**
 * The TLS settings of the server.
 *
 * @throws ConfigError for a setting without another one that it needs
 */
const tlsConfig = (flags: Flags, env: Environment, machine: Machine): TlsConfig | undefined => {
  const { tlsCert, tlsKey, tlsClientCa, tlsCrl, tlsRequireClientCert } = serveSettings;
  needs(tlsCert, tlsKey, flags, env);
  needs(tlsKey, tlsCert, flags, env);
  needs(tlsClientCa, tlsCert, flags, env);
  needs(tlsCrl, tlsClientCa, flags, env);
  const requireClientCert = read(tlsRequireClientCert, flags, env, machine);
  if (requireClientCert) needs(tlsRequireClientCert, tlsClientCa, flags, env);
  const certificate = given(tlsCert, flags, env);
  const key = given(tlsKey, flags, env);
  if (certificate === undefined || key === undefined) return undefined;
  return {
    certificate,
    key,
    clientCa: given(tlsClientCa, flags, env),
    crl: given(tlsCrl, flags, env),
    requireClientCert,
  };
};

const publicListener = (host: string): ConfigError =>
  new ConfigError(
    `--listen: ${host} is not a loopback address, so other machines could reach the server. ` +
      'Anyone who reaches the port and has the token can run commands on this machine, and what is sent over the ' +
      'network, including the token, is not encrypted. Give --tls-cert and --tls-key, or --listen-public (CLOISTER_LISTEN_PUBLIC=true) if ' +
      'that is what you want.',
  );

/** The name in a list that is most similar to another. */
export const nearestOf = (name: string, known: readonly string[]): string =>
  known.toSorted((one, other) => distance(name, one) - distance(name, other))[0] ?? '';

/** Insertions, deletions and substitutions from one name to another (Levenshtein). */
const distance = (one: string, other: string): number => {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (const [index, letter] of [...one.slice(0, LONGEST_NAME)].entries()) {
    const next = [index + 1];
    for (let at = 1; at <= other.length; at++) {
      const substituted = (row[at - 1] ?? 0) + (letter === other[at - 1] ? 0 : 1);
      next.push(Math.min(substituted, (row[at] ?? 0) + 1, (next[at - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
};

const LONGEST_NAME = 100;
