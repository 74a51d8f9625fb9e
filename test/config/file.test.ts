/** The configuration file, and how its settings are shown. */

import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Environment, type Flags, parseServeConfig } from '../../src/config/config.ts';
import { withConfigFile } from '../../src/config/file.ts';
import { effectiveSettings } from '../../src/config/show.ts';

const machine = { uid: 0, home: '/root', project: '/opt/cloister', memoryBytes: 10 * 1024 ** 3 };

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cloister-config-'));
  file = join(folder, 'cloister.toml');
});

afterEach(() => rmSync(folder, { recursive: true }));

const write = (text: string, mode = 0o600): void => {
  writeFileSync(file, text);
  chmodSync(file, mode);
};

const parse = (flags: Flags = {}, env: Environment = {}) =>
  parseServeConfig(flags, withConfigFile({ config: file, ...flags }, env), machine);

describe('a configuration file', () => {
  it('sets what neither a flag nor a variable sets', () => {
    write(
      [
        'listen = "127.0.0.1:1"',
        'max-running = 7',
        'max-queued = 8',
        'retain-age = "2d"',
        'allowed-host = ["a.example", "b.example"]',
        'quota-cpus = 1.5',
      ].join('\n'),
    );
    const config = parse({ maxRunning: '5' }, { CLOISTER_MAX_QUEUED: '6' });
    expect(config).toMatchObject({
      listen: { host: '127.0.0.1', port: 1 },
      queue: { maxRunning: 5, maxWaiting: 6 },
      retention: { ageMs: 2 * 86_400_000 },
      allowedHosts: ['a.example', 'b.example'],
      quotas: { cpus: 1.5 },
    });
  });

  it('is named by --config, by CLOISTER_CONFIG, or is where it usually is, and need not be there then', () => {
    write('max-running = 7');
    const running = (flags: Flags, env: Environment, standard?: string) =>
      parseServeConfig({}, withConfigFile(flags, env, standard), machine).queue.maxRunning;
    expect(running({ config: file }, {})).toBe(7);
    expect(running({}, { CLOISTER_CONFIG: file })).toBe(7);
    expect(running({}, {}, file)).toBe(7);
    expect(running({}, {}, join(folder, 'none'))).toBe(256);
    expect(() => running({ config: join(folder, 'none') }, {})).toThrow('there is no such file');
  });

  it.each([
    ['max-runing = 7', `: there is no setting "max-runing"; the nearest is max-running`],
    ['[queue]\nmax-running = 7', ': there is no setting "queue"'],
    ['max-running = "many"', ': max-running: expected a whole number from 1 to'],
    ['max-running = [1]', ': max-running: expected text, a number, true, false, or a list of texts'],
    ['max-running = ', ', line 1: expected TOML: '],
    ['listen = "0.0.0.0:80"', 'could reach the server'],
    [
      'listen = "127.0.0.1:80"\nmetrics-listen = "127.0.0.1:80"',
      '--metrics-listen: expected another address',
    ],
    ['metrics-listen = "0.0.0.0:9464"', '--metrics-listen: 0.0.0.0 is not a loopback address'],
  ])('with %j stops the start', (text, message) => {
    write(text);
    expect(() => parse()).toThrow(message);
  });

  it('that others may write is refused, with the remedy', () => {
    for (const mode of [0o620, 0o602, 0o666]) {
      write('max-running = 7', mode);
      expect(() => parse()).toThrow(`chmod go-w ${file}`);
    }
    write('max-running = 7', 0o644);
    expect(parse().queue.maxRunning).toBe(7);
  });

  it('is shown with the others, each setting with its source', () => {
    write('max-running = 7\nmax-queued = 8');
    const flags = { maxQueued: '9' };
    const env = { CLOISTER_ON_STOP: 'stop-jobs' };
    const shown = effectiveSettings(flags, withConfigFile({ config: file, ...flags }, env), machine);
    const of = (name: string) => shown.find((setting) => setting.name === name);
    expect(of('--max-running')).toMatchObject({ value: '7', source: `${file}: max-running` });
    expect(of('--max-queued')).toMatchObject({ value: '9', source: '--max-queued' });
    expect(of('--on-stop')).toMatchObject({ value: 'stop-jobs', source: 'CLOISTER_ON_STOP' });
    expect(of('--state-dir')).toMatchObject({ value: '/var/lib/cloister', source: 'default' });
  });
});
