/** Settings from flags and the environment. */

import { describe, expect, it } from 'vitest';
import {
  ConfigError,
  clientSettings,
  parseClientConfig,
  parseServeConfig,
  serveSettings,
} from '../../src/config/config.ts';
import { NO_MAXIMA } from '../support/limits.ts';

const user = { uid: 1000, home: '/home/u', project: '/opt/cloister', memoryBytes: 10 * 1024 ** 3 };
const root = { ...user, uid: 0, home: '/root' };

describe('parseServeConfig', () => {
  it('needs no settings', () => {
    expect(parseServeConfig({}, {}, root)).toEqual({
      set: new Map(),
      listen: { host: '127.0.0.1', port: 8080 },
      listenPublic: false,
      metricsListen: undefined,
      stateDir: '/var/lib/cloister',
      onStop: 'leave-jobs',
      log: { level: 'info', format: 'auto', slowMs: 2000 },
      stopGraceMs: 5000,
      imageMirror: undefined,
      allowedHosts: [],
      tls: undefined,
      rolesPath: undefined,
      publicUrl: undefined,
      allowedOrigins: [],
      proxy: undefined,
      basePath: '',
      cgroupRoot: undefined,
      idBase: 1_879_048_192,
      launcher: '/opt/cloister/build/cell',
      mostStdinBytes: 8 * 1024 ** 2,
      clients: {
        connections: { all: 20_000, perSubject: 15_000 },
        streams: { all: 20_000, perSubject: 15_000 },
      },
      quotas: {
        runningJobs: null,
        queuedJobs: null,
        cpus: null,
        memoryBytes: null,
        submissionsPerMinute: null,
        storageBytes: null,
        filesBytes: null,
      },
      preparedCells: 4,
      queue: {
        maxRunning: 256,
        maxWaiting: 10_000,
        maxWaitingBytes: 1024 ** 3,
        memoryBytes: null,
        cpus: null,
      },
      defaultLimits: {
        cpus: 1,
        memoryBytes: 512 * 1024 ** 2,
        swapBytes: 0,
        pids: 256,
        diskBytes: 256 * 1024 ** 2,
        timeoutMs: 3_600_000,
        outputBytes: 64 * 1024 ** 2,
      },
      maxima: NO_MAXIMA,
      registry: { mirror: undefined, credentialsFile: undefined },
      imageLimits: { imageBytes: 16 * 1024 ** 3, allBytes: 64 * 1024 ** 3 },
      fileLimits: { fileBytes: 16 * 1024 ** 3, allBytes: 64 * 1024 ** 3, keptMs: 7 * 24 * 3_600_000 },
      auditKeptMs: 90 * 86_400_000,
      ceilings: { memoryBytes: 8 * 1024 ** 3, pids: 16_384, cpus: null },
      retention: { ageMs: 30 * 86_400_000, jobs: 100_000, bytes: 10 * 1024 ** 3, packAfterMs: 3_600_000 },
    });
  });

  it('takes every setting from the environment', () => {
    const env: Record<string, string> = {
      CLOISTER_LISTEN: '[::1]:0',
      CLOISTER_LISTEN_PUBLIC: 'true',
      CLOISTER_STATE_DIR: '/s',
      CLOISTER_TLS_CERT: '/t/cert',
      CLOISTER_TLS_KEY: '/t/key',
      CLOISTER_TLS_CLIENT_CA: '/t/ca',
      CLOISTER_TLS_CRL: '/t/crl',
      CLOISTER_TLS_REQUIRE_CLIENT_CERT: 'yes',
      CLOISTER_ROLES: '/t/roles',
      CLOISTER_PUBLIC_URL: 'https://jobs.example/cloister/',
      CLOISTER_ALLOW_ORIGIN: 'https://app.example, http://localhost:3000',
      CLOISTER_TRUST_PROXY: '10.0.0.0/8,::1',
      CLOISTER_SUBJECT_HEADER: 'X-Forwarded-User',
      CLOISTER_ON_STOP: 'stop-jobs',
      CLOISTER_STOP_GRACE: '0',
      CLOISTER_IMAGE_MIRROR: 'https://mirror.example/alpine',
      CLOISTER_ALLOWED_HOSTS: 'Jobs.example, [fd00::1]:8080',
      CLOISTER_BASE_PATH: '/tools/cloister',
      CLOISTER_CGROUP_ROOT: '/sys/fs/cgroup/x',
      CLOISTER_ID_BASE: '65536',
      CLOISTER_LAUNCHER: '/bin/cell',
      CLOISTER_MAX_RUNNING: '7',
      CLOISTER_PREPARED_CELLS: '9',
      CLOISTER_MAX_QUEUED: '8',
      CLOISTER_MAX_QUEUED_BYTES: '2Mi',
      CLOISTER_MAX_STDIN: '1Mi',
      CLOISTER_MAX_CONNECTIONS: '100',
      CLOISTER_MAX_STREAMS: '90',
      CLOISTER_MAX_STREAMS_PER_SUBJECT: '9',
      CLOISTER_CAPACITY_MEMORY: '9Gi',
      CLOISTER_CAPACITY_CPUS: '2.5',
      CLOISTER_DEFAULT_CPUS: '0.5',
      CLOISTER_DEFAULT_MEMORY: '1Gi',
      CLOISTER_DEFAULT_SWAP: '1Mi',
      CLOISTER_DEFAULT_PIDS: '10',
      CLOISTER_DEFAULT_DISK: '2Mi',
      CLOISTER_DEFAULT_TIMEOUT: '90s',
      CLOISTER_DEFAULT_OUTPUT: '4096',
      CLOISTER_MAX_CPUS: '2',
      CLOISTER_MAX_MEMORY: '2Gi',
      CLOISTER_MAX_SWAP: '0',
      CLOISTER_MAX_PIDS: '20',
      CLOISTER_MAX_DISK: '3Mi',
      CLOISTER_MAX_TIMEOUT: '2m',
      CLOISTER_MAX_OUTPUT: '8192',
      CLOISTER_MAX_CONNECTIONS_PER_SUBJECT: '80',
      CLOISTER_CEILING_MEMORY: 'none',
      CLOISTER_CEILING_PIDS: '1000',
      CLOISTER_CEILING_CPUS: '1.5',
      CLOISTER_RETAIN_AGE: '1m',
      CLOISTER_RETAIN_JOBS: '5',
      CLOISTER_RETAIN_BYTES: '1Mi',
      CLOISTER_COMPRESS_AFTER: 'none',
      CLOISTER_METRICS_LISTEN: '[::1]:9464',
      CLOISTER_QUOTA_RUNNING: '1',
      CLOISTER_QUOTA_QUEUED: '2',
      CLOISTER_QUOTA_CPUS: '1.5',
      CLOISTER_QUOTA_MEMORY: '1Mi',
      CLOISTER_QUOTA_SUBMISSIONS: '3',
      CLOISTER_QUOTA_STORAGE: '2Mi',
      CLOISTER_QUOTA_FILES: '3Mi',
      CLOISTER_RETAIN_AUDIT: '1h',
      CLOISTER_REGISTRY_MIRROR: 'https://registry.example/',
      CLOISTER_REGISTRY_CREDENTIALS: '/c.json',
      CLOISTER_MAX_IMAGE: '5Mi',
      CLOISTER_MAX_IMAGES: '6Mi',
      CLOISTER_MAX_FILE: '7Mi',
      CLOISTER_MAX_FILES: '8Mi',
      CLOISTER_KEEP_FILES: '2h',
      CLOISTER_LOG_LEVEL: 'debug',
      CLOISTER_LOG_FORMAT: 'json',
      CLOISTER_LOG_SLOW: '5s',
    };
    expect(parseServeConfig({}, env, user)).toEqual({
      set: new Map(
        Object.entries(serveSettings).map(([name, setting]) => [
          name,
          { by: setting.env, text: env[setting.env] },
        ]),
      ),
      listen: { host: '::1', port: 0 },
      listenPublic: true,
      quotas: {
        runningJobs: 1,
        queuedJobs: 2,
        cpus: 1.5,
        memoryBytes: 1024 ** 2,
        submissionsPerMinute: 3,
        storageBytes: 2 * 1024 ** 2,
        filesBytes: 3 * 1024 ** 2,
      },
      stateDir: '/s',
      onStop: 'stop-jobs',
      stopGraceMs: 0,
      imageMirror: 'https://mirror.example/alpine',
      allowedHosts: ['jobs.example', '[fd00::1]:8080'],
      tls: {
        certificate: '/t/cert',
        key: '/t/key',
        clientCa: '/t/ca',
        crl: '/t/crl',
        requireClientCert: true,
      },
      rolesPath: '/t/roles',
      publicUrl: 'https://jobs.example/cloister',
      allowedOrigins: ['https://app.example', 'http://localhost:3000'],
      proxy: { addresses: ['10.0.0.0/8', '::1'], subjectHeader: 'x-forwarded-user' },
      basePath: '/tools/cloister',
      cgroupRoot: '/sys/fs/cgroup/x',
      idBase: 65_536,
      launcher: '/bin/cell',
      metricsListen: { host: '::1', port: 9464 },
      log: { level: 'debug', format: 'json', slowMs: 5000 },
      mostStdinBytes: 1024 ** 2,
      clients: { connections: { all: 100, perSubject: 80 }, streams: { all: 90, perSubject: 9 } },
      preparedCells: 9,
      queue: {
        maxRunning: 7,
        maxWaiting: 8,
        maxWaitingBytes: 2 * 1024 ** 2,
        memoryBytes: 9 * 1024 ** 3,
        cpus: 2.5,
      },
      defaultLimits: {
        cpus: 0.5,
        memoryBytes: 1024 ** 3,
        swapBytes: 1024 ** 2,
        pids: 10,
        diskBytes: 2 * 1024 ** 2,
        timeoutMs: 90_000,
        outputBytes: 4096,
      },
      maxima: {
        cpus: 2,
        memoryBytes: 2 * 1024 ** 3,
        swapBytes: 0,
        pids: 20,
        diskBytes: 3 * 1024 ** 2,
        timeoutMs: 120_000,
        outputBytes: 8192,
      },
      ceilings: { memoryBytes: null, pids: 1000, cpus: 1.5 },
      registry: { mirror: 'https://registry.example/', credentialsFile: '/c.json' },
      imageLimits: { imageBytes: 5 * 1024 ** 2, allBytes: 6 * 1024 ** 2 },
      fileLimits: { fileBytes: 7 * 1024 ** 2, allBytes: 8 * 1024 ** 2, keptMs: 7_200_000 },
      auditKeptMs: 3_600_000,
      retention: { ageMs: 60_000, jobs: 5, bytes: 1024 ** 2, packAfterMs: null },
    });
    expect(Object.keys(env).sort()).toEqual(
      Object.values(serveSettings)
        .map((setting) => setting.env)
        .sort(),
    );
  });

  it('lets the flag win over the environment, and takes an empty variable for none', () => {
    const env = { CLOISTER_LISTEN: '127.0.0.1:1', CLOISTER_ID_BASE: '' };
    const config = parseServeConfig({ listen: 'localhost:2', defaultMemory: '1Mi' }, env, user);
    expect(config.listen).toEqual({ host: 'localhost', port: 2 });
    expect(config.idBase).toBe(1_879_048_192);
    expect(config.defaultLimits.memoryBytes).toBe(1024 ** 2);
  });

  it.each([
    ['/x', '/x/cloister'],
    ['', '/home/u/.local/state/cloister'],
    ['relative', '/home/u/.local/state/cloister'],
    [undefined, '/home/u/.local/state/cloister'],
  ])('keeps the state of a user where XDG_STATE_HOME=%s says', (home, expected) => {
    expect(parseServeConfig({}, { XDG_STATE_HOME: home }, user).stateDir).toBe(expected);
  });

  it.each([
    '0.0.0.0:8080',
    '[::]:8080',
    '192.168.1.2:80',
    'example.org:80',
    '128.0.0.1:80',
    '[::ffff:1.2.3.4]:80',
  ])('refuses to listen on %s unless that is confirmed', (listen) => {
    expect(() => parseServeConfig({ listen }, {}, user)).toThrow(/is not a loopback address.*not encrypted/);
    expect(parseServeConfig({ listen, listenPublic: true }, {}, user).listenPublic).toBe(true);
  });

  it.each([
    ['allowOrigin', '*'],
    ['allowOrigin', 'https://*.example'],
    ['allowOrigin', 'null'],
    ['allowOrigin', 'app.example'],
    ['allowOrigin', 'https://app.example/path'],
    ['allowOrigin', 'https://u:p@app.example'],
    ['allowOrigin', 'ftp://app.example'],
    ['allowOrigin', 'https://app.example,'],
    ['trustProxy', 'proxy.example'],
    ['trustProxy', '10.0.0.0/33'],
    ['trustProxy', '10.0.0.0/8/8'],
    ['trustProxy', ''],
    ['subjectHeader', 'Authorization'],
    ['subjectHeader', 'Host'],
    ['subjectHeader', 'X User'],
  ])('refuses %s %j', (name, value) => {
    const flags = { trustProxy: '::1', subjectHeader: 'X-User', [name]: value };
    expect(() => parseServeConfig(flags, {}, user)).toThrow(ConfigError);
  });

  it('listens everywhere with TLS', () => {
    const flags = { listen: '0.0.0.0:443', tlsCert: '/c', tlsKey: '/k' };
    expect(parseServeConfig(flags, {}, user).tls).toMatchObject({ certificate: '/c', key: '/k' });
  });

  it.each([
    [{ tlsCert: '/c' }, '--tls-cert: expected together with --tls-key, got none'],
    [{ tlsKey: '/k' }, '--tls-key: expected together with --tls-cert, got none'],
    [{ tlsClientCa: '/a' }, '--tls-client-ca: expected together with --tls-cert, got none'],
    [{ trustProxy: '::1' }, '--trust-proxy: expected together with --subject-header, got none'],
    [{ roles: '/r' }, '--roles: expected together with --tls-client-ca or --trust-proxy, got none'],
    [
      { roles: '/r', tlsCert: '/c', tlsKey: '/k' },
      '--roles: expected together with --tls-client-ca or --trust-proxy, got none',
    ],
    [{ subjectHeader: 'X-User' }, '--subject-header: expected together with --trust-proxy, got none'],
    [
      { tlsCert: '/c', tlsKey: '/k', tlsCrl: '/r' },
      '--tls-crl: expected together with --tls-client-ca, got none',
    ],
    [
      { tlsCert: '/c', tlsKey: '/k', tlsRequireClientCert: true },
      '--tls-require-client-cert: expected together with --tls-client-ca, got none',
    ],
  ])('refuses %j', (flags, message) => {
    expect(() => parseServeConfig(flags, {}, user)).toThrow(new ConfigError(message));
  });

  it.each(['127.0.0.1:8080', '127.8.9.1:1', '[::1]:80', 'localhost:80', 'LOCALHOST:80'])(
    'listens on %s without a confirmation',
    (listen) => {
      expect(parseServeConfig({ listen }, {}, user).listenPublic).toBe(false);
    },
  );

  it.each([
    ['listen', '8080', '--listen: expected HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080, got "8080"'],
    ['listen', ':8080', '--listen: expected HOST:PORT'],
    ['listen', '::1:8080', '--listen: expected HOST:PORT'],
    ['listen', '[127.0.0.1]:8080', '--listen: expected HOST:PORT'],
    ['listen', '127.0.0.1:65536', '--listen: expected HOST:PORT'],
    ['stateDir', '', '--state-dir: expected a folder, got ""'],
    [
      'imageMirror',
      'ftp://x/y',
      '--image-mirror: expected an http or https URL, or a folder, got "ftp://x/y"',
    ],
    [
      'allowedHost',
      'http://x',
      '--allowed-host: expected HOST or HOST:PORT, with commas between, got "http://x"',
    ],
    ['allowedHost', 'a,,b', '--allowed-host: expected HOST or HOST:PORT'],
    ['idBase', '0', '--id-base: expected a multiple of 65536 from 65536 to 4294836224, got "0"'],
    ['idBase', '65537', '--id-base: expected a multiple of 65536'],
    ['idBase', '4294901760', '--id-base: expected a multiple of 65536'],
    ['defaultCpus', '0', '--default-cpus: expected a number of CPUs from 0.01 to 1024, got "0"'],
    ['defaultCpus', '-1', '--default-cpus: expected a number of CPUs'],
    ['defaultCpus', '1e3', '--default-cpus: expected a number of CPUs'],
    [
      'defaultMemory',
      'lots',
      '--default-memory: expected a size such as 1048576 (bytes), 512Mi or 1G, and not 0, got "lots"',
    ],
    ['defaultMemory', '-1', '--default-memory: expected a size'],
    ['defaultMemory', '0', '--default-memory: expected a size'],
    ['defaultSwap', '-1', '--default-swap: expected a size such as 1048576 (bytes), 512Mi or 1G, got "-1"'],
    ['defaultTimeout', '0s', '--default-timeout: expected a duration'],
    ['defaultPids', '0', '--default-pids: expected a whole number from 1 to 4194304, got "0"'],
    [
      'defaultTimeout',
      'soon',
      '--default-timeout: expected a duration such as 90s or 1h30m, and not 0, got "soon"',
    ],
  ])('refuses %s = %j', (flag, value, message) => {
    expect(() => parseServeConfig({ [flag]: value }, {}, user)).toThrow(ConfigError);
    expect(() => parseServeConfig({ [flag]: value }, {}, user)).toThrow(message);
  });

  it('names the variable when that is where a bad value came from', () => {
    expect(() => parseServeConfig({}, { CLOISTER_LISTEN_PUBLIC: 'maybe' }, user)).toThrow(
      'CLOISTER_LISTEN_PUBLIC: expected true or false, got "maybe"',
    );
  });
});

describe('parseClientConfig', () => {
  it.each([
    ['http://localhost:8080', 'http://localhost:8080/graphql'],
    ['http://localhost:8080/', 'http://localhost:8080/graphql'],
    ['https://jobs.example/cloister/', 'https://jobs.example/cloister/graphql'],
    ['https://jobs.example/cloister', 'https://jobs.example/cloister'],
    ['https://jobs.example/graphql', 'https://jobs.example/graphql'],
  ])('takes %s for the endpoint %s', (given, href) => {
    expect(parseClientConfig({ url: given }, {}, user).url.href).toBe(href);
    expect(parseClientConfig({}, { CLOISTER_URL: given }, user).url.href).toBe(href);
  });

  it('looks for the token in the state folder and in the checkout', () => {
    expect(parseClientConfig({}, {}, user)).toEqual({
      url: new URL('http://127.0.0.1:8080/graphql'),
      token: undefined,
      tls: { ca: undefined, cert: undefined, key: undefined },
      profile: undefined,
      profilesPath: '/home/u/.config/cloister/config.toml',
      stateDirGiven: false,
      urlGiven: false,
      stateDirs: ['/home/u/.local/state/cloister', '/opt/cloister/.state'],
    });
  });

  it('looks only in a state folder that was named', () => {
    expect(parseClientConfig({ stateDir: '/s' }, {}, user).stateDirs).toEqual(['/s']);
    expect(parseClientConfig({}, { CLOISTER_STATE_DIR: '/t' }, user).stateDirs).toEqual(['/t']);
  });

  it('sends no token of this machine to another one', () => {
    expect(parseClientConfig({ url: 'https://jobs.example/graphql' }, {}, user).stateDirs).toEqual([]);
    expect(parseClientConfig({ url: 'http://[::1]:1/graphql' }, {}, user).stateDirs).toHaveLength(2);
  });

  it('does not repeat a token that it refuses', () => {
    const { env } = clientSettings.token;
    expect(() => parseClientConfig({}, { [env]: 'secret secret' }, user)).toThrow(
      /^CLOISTER_TOKEN: expected a token: printable ASCII without spaces, got something else$/,
    );
  });
});
