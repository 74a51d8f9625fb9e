/** The metrics of a server, scraped by Prometheus, and what it says of its health. */

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { TestServer } from '../support/server.ts';

const DOCS = join(import.meta.dirname, '../../docs/monitoring');
const PROGRAMS = `${process.env['PATH']}:${join(import.meta.dirname, '../../.tools/monitoring/usr/bin')}`;
const env = { ...process.env, PATH: PROGRAMS };
const run = promisify(execFile);

let server: TestServer;
let metricsPort: number;
let prometheus: ChildProcess;
let prometheusUrl: string;
let folder: string;

/** A port that is free now. */
beforeAll(async () => {
  server = await TestServer.start('--metrics-listen', '127.0.0.1:0', '--max-running', '1');
  metricsPort = await vi.waitFor(() => {
    const line = server.log.find(({ port }) => port !== undefined);
    if (line === undefined) throw new Error('the log does not say where the metrics are');
    return Number(line['port']);
  }, 250_000);
  folder = mkdtempSync(join(tmpdir(), 'cloister-prometheus-'));
  // The configuration of the documents, with the addresses of this test and shorter intervals.
  const config = readFileSync(join(DOCS, 'prometheus.yml'), 'utf8')
    .replace('127.0.0.1:9464', `127.0.0.1:${metricsPort}`)
    .replace('scrape_interval: 15s', 'scrape_interval: 250ms')
    .replace('- alerts.yml', `- ${join(DOCS, 'alerts.yml')}`);
  writeFileSync(join(folder, 'prometheus.yml'), config);
  const port = await freePort();
  prometheusUrl = `http://127.0.0.1:${port}`;
  const flags = [
    `--config.file=${join(folder, 'prometheus.yml')}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
  ];
  prometheus = spawn('prometheus', flags, { env, stdio: 'ignore' });
});

afterAll(async () => {
  const ended = new Promise((resolve) => prometheus.once('exit', resolve));
  prometheus.kill();
  await ended;
  rmSync(folder, { recursive: true, force: true });
  await server.dispose();
});

/** The value of an expression of PromQL as Prometheus has it now; `undefined`: nothing. */
const sampleOf = async (expression: string): Promise<number | undefined> => {
  try {
    const response = await fetch(`${prometheusUrl}/api/v1/query?query=${encodeURIComponent(expression)}`);
    const answer = (await response.json()) as { data?: { result: { value: [number, string] }[] } };
    const value = answer.data?.result[0]?.value[1];
    return value === undefined ? undefined : Number(value);
  } catch {
    // It has only just been started.
    return undefined;
  }
};

const becomes = (expression: string, value: unknown) =>
  expect.poll(() => sampleOf(expression), { interval: 100 }).toEqual(value);

describe('a job', () => {
  it('is seen by Prometheus from its submission to its end', async () => {
    await becomes('up{job="cloister"}', 1);
    const id = await server.submit({ command: 'printf 12345; sleep 1000' });
    await server.running(id);
    const waiting = await server.submit({ command: 'true' });
    await becomes('cloister_jobs_running', 1);
    await becomes('cloister_jobs_queued', 1);
    await server.output(id, false);
    await server.stop(id, 0);
    await server.ended(waiting);
    await becomes('cloister_jobs_ended_total{status="STOPPED"}', 1);
    await becomes('cloister_jobs_ended_total{status="COMPLETED"}', 1);
    await becomes('cloister_jobs_ended_total{status="LOST"}', 0);
    await becomes('cloister_jobs_running', 0);
    await becomes('cloister_jobs_submitted_total', 2);
    await becomes('cloister_queue_wait_seconds_count', 2);
    await becomes('cloister_start_latency_seconds_count', 2);
    await becomes('cloister_log_written_bytes_total', 5);
    await becomes('cloister_requests_total{operation="mutation", field="submitJob", code="OK"}', 2);
    await becomes('cloister_store_commit_seconds_count > bool 4', 1);
    await becomes('cloister_disk_free_bytes > bool 0', 1);
    await becomes('nodejs_eventloop_lag_p99_seconds > bool 0', 1);
  });

  it('appears in no label', async () => {
    const id = await server.submit({ command: 'true', name: 'planted-name' });
    await server.ended(id);
    await server.ask('query Planted { nothing }');
    const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
    expect(text).toContain('code="GRAPHQL_VALIDATION_FAILED"');
    for (const planted of [id, 'planted', 'Planted', 'admin']) expect(text).not.toContain(planted);
  });
});

describe('/metrics', () => {
  const status = async (token?: string) => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    return (await fetch(new URL('/metrics', server.url), { headers })).status;
  };

  it('is on the main address for admins alone', async () => {
    const { createToken } = await server.query<{ createToken: { secret: string } }>(
      'mutation { createToken(input: { name: "n", subject: "bob", role: USER }) { secret } }',
    );
    expect(await status()).toBe(401);
    expect(await status('clo_wrong')).toBe(401);
    expect(await status(createToken.secret)).toBe(403);
    expect(await status(server.token)).toBe(200);
  });

  it('is not read by a page of another site', async () => {
    const { port } = new URL(server.url);
    for (const url of [`http://127.0.0.1:${metricsPort}/metrics`, `http://127.0.0.1:${port}/metrics`]) {
      const { stdout } = await run('curl', [
        '-s',
        '-o',
        '/dev/null',
        '-w',
        '%{http_code}',
        '-H',
        'Host: evil.example',
        url,
      ]);
      expect(stdout).toBe('403');
    }
  });
});

describe('the documents', () => {
  it('names metrics as Prometheus does', async () => {
    const page = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
    const { stderr, stdout } = await new Promise<{ stdout: string; stderr: string }>((resolve) => {
      // It exits with a code if it has found something.
      const child = execFile('promtool', ['check', 'metrics'], { env }, (_, out, err) =>
        resolve({ stdout: out, stderr: err }),
      );
      child.stdin?.end(page);
    });
    // Those of Node.js have the names that its library gives them.
    const said = `${stdout}${stderr}`.split('\n').filter((line) => !/^(nodejs_\w+ .*)?$/.test(line));
    expect(said).toEqual([]);
    expect(page).toMatch(/^# TYPE cloister_jobs_running gauge$/m);
  });

  it('have rules that promtool accepts, and a dashboard, of metrics that exist', async () => {
    const { stdout } = await run('promtool', ['check', 'rules', join(DOCS, 'alerts.yml')], { env });
    expect(stdout).toContain('SUCCESS');
    const page = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
    const names = new Set([...page.matchAll(/^# TYPE (\S+)/gm)].map(([, name = '']) => name));
    const used = (text: string) =>
      [...text.matchAll(/\b(?:cloister|nodejs|process)_\w+/g)].map(([name]) =>
        name.replace(/_(?:bucket|count|sum)$/, ''),
      );
    const texts = ['alerts.yml', 'grafana.json'].map((file) => readFileSync(join(DOCS, file), 'utf8'));
    const expressions = texts.flatMap((text) => used(text));
    expect(expressions.length).toBeGreaterThan(20);
    for (const name of expressions) expect(names).toContain(name);
  });
});

describe('/healthz and /readyz', () => {
  const ask = async (path: string) => {
    const response = await fetch(new URL(path, server.url));
    return { status: response.status, body: await response.json() };
  };
  const works = { server: 'ok', store: 'ok', spawner: 'ok', disk: 'ok' };

  it('say that everything works, to anybody', async () => {
    expect(await ask('/healthz')).toEqual({ status: 200, body: { status: 'ok', parts: { server: 'ok' } } });
    expect(await ask('/readyz')).toEqual({ status: 200, body: { status: 'ok', parts: works } });
    expect(await ask('/health')).toEqual({ status: 200, body: { status: 'ok' } });
    const { status } = await fetch(`http://127.0.0.1:${metricsPort}/readyz`);
    expect(status).toBe(200);
  });

  it('say that the spawner does not answer', async () => {
    const { stdout } = await run('pgrep', ['-P', String(server.pid), '-x', 'cell-spawner']);
    process.kill(Number(stdout), 'SIGSTOP');
    try {
      await expect
        .poll(() => ask('/readyz'))
        .toEqual({
          status: 503,
          body: { status: 'unavailable', parts: { ...works, spawner: 'it does not answer' } },
        });
      expect((await ask('/healthz')).status).toBe(200);
    } finally {
      process.kill(Number(stdout), 'SIGCONT');
    }
  });
});
