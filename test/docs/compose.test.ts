/** The Compose file has the options of "make docker-run". */

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { PROJECT, readDocument } from './documents.ts';

it('has the options with which the container is run without it', () => {
  const env = { PATH: process.env['PATH'] };
  const printed = execFileSync('make', ['--dry-run', 'docker-run'], { cwd: PROJECT, env, encoding: 'utf8' });
  const [, words = ''] = /docker run (.*)/s.exec(printed.replaceAll('\\\n', ' ')) ?? [];
  const option = { type: 'string', multiple: true } as const;
  const { values, positionals } = parseArgs({
    args: words.trim().split(/\s+/),
    allowPositionals: true,
    options: {
      rm: { type: 'boolean' },
      name: { type: 'string' },
      cgroupns: { type: 'string' },
      'cap-add': option,
      'security-opt': option,
      publish: option,
      volume: option,
      env: option,
    },
  });
  const compose = parse(readDocument('docker/compose.yaml'));
  expect(Object.keys(compose.services)).toEqual(['cloister']);
  const { build, volumes, environment, restart, ...service } = compose.services.cloister;
  expect(service).toEqual({
    image: positionals[0],
    cap_add: values['cap-add'],
    cgroup: values.cgroupns,
    security_opt: values['security-opt'],
    ports: values.publish,
  });
  const named = (volumes as string[]).map((volume) => {
    const [name = '', path] = volume.split(':');
    return `${compose.volumes[name].name}:${path}`;
  });
  expect(named).toEqual(values.volume);
  // Without a value they are those of the shell.
  expect(environment).toEqual(Object.fromEntries((values.env ?? []).map((name) => [name, null])));
  expect(restart).toBe('unless-stopped');
  expect(existsSync(join(PROJECT, 'docker', build.context, 'Dockerfile'))).toBe(true);
});
