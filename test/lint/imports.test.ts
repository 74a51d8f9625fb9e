/** The check of imports, on small programs that break one rule each. */

import { expect, it } from 'vitest';
import { checkOf } from './checks.ts';

const checkImports = checkOf('imports.ts');
/** Of a program of which most files are missing. */
const check = (files: Readonly<Record<string, string>>, flags = ['--incomplete']) =>
  checkImports(files, flags);

it('accepts imports that are allowed', () => {
  const jobs = "import type { A } from './store.ts';\nimport { b } from '../runtime/log/page.ts';\n";
  const files = {
    'src/jobs/jobs.ts': jobs,
    'src/jobs/store.ts': "import { parse } from '../units.ts';\n",
    'src/runtime/log/page.ts': '',
    'src/units.ts': '',
    'src/store/sqlite.ts': "import {\n  type A,\n  type B,\n} from '../jobs/store.ts';\n",
  };
  expect(check(files)).toEqual({ status: 0, errors: '' });
});

/** What may import what not, without a circle. */
const FORBIDDEN = [
  ['src/jobs/jobs.ts', 'src/store/sqlite.ts', 'jobs may not import store'],
  ['src/jobs/jobs.ts', 'src/cells/cells.ts', 'jobs may not import cells'],
  ['src/jobs/jobs.ts', 'src/resolvers/job.ts', 'jobs may not import resolvers'],
  ['src/jobs/jobs.ts', 'src/server/server.ts', 'jobs may not import server'],
  ['src/jobs/jobs.ts', 'src/runtime/log/reader.ts', 'jobs may not import runtime'],
  ['src/store/row.ts', 'src/cells/cells.ts', 'store may not import cells'],
  ['src/cells/cells.ts', 'src/store/sqlite.ts', 'cells may not import store'],
  ['src/runtime/mounts.ts', 'src/jobs/job.ts', 'runtime may not import jobs'],
  ['src/resolvers/job.ts', 'src/store/row.ts', 'resolvers may not import store'],
  ['src/resolvers/job.ts', 'src/server/server.ts', 'resolvers may not import server'],
  ['src/client/job.ts', 'src/jobs/job.ts', 'client may not import jobs'],
  ['rootfs/image.ts', 'src/units.ts', 'rootfs may not import basics'],
  ['src/runtime/log/page.ts', 'src/runtime/log/reader.ts', 'model may not import runtime'],
] as const;

it.each([
  ["import { a } from 'PATH';\n"],
  ["import type { A } from 'PATH';\n"],
  ["import {\n  type A,\n  b,\n} from 'PATH';\n"],
  ["export { a } from 'PATH';\n"],
  ["import 'PATH';\n"],
  ["const { a } = await import('PATH');\n"],
])('refuses what may not be imported, written as %j', (form) => {
  const files: Record<string, string> = {};
  for (const [from, to] of FORBIDDEN) {
    files[to] ??= '';
    files[from] =
      (files[from] ?? '') + form.replace('PATH', `${'../'.repeat(from.split('/').length - 1)}${to}`);
  }
  const { status, errors } = check(files);
  expect(errors.split('\n').toSorted()).toEqual(
    ['', ...FORBIDDEN.map(([from, to, error]) => `${from}: ${error} (${to})`)].toSorted(),
  );
  expect(status).toBe(1);
});

it('refuses a circle, also one of types and in one part', () => {
  const files = {
    'src/jobs/a.ts': "import type { B } from './b.ts';\n",
    'src/jobs/b.ts': "import { c } from './c.ts';\n",
    'src/jobs/c.ts': "import type { A } from './a.ts';\n",
    'src/jobs/d.ts': "import type { A } from './a.ts';\n",
  };
  expect(check(files)).toEqual({
    status: 1,
    errors: 'these files import each other in a circle: src/jobs/a.ts, src/jobs/b.ts, src/jobs/c.ts\n',
  });
});

it('refuses a file that belongs to no part', () => {
  expect(check({ 'src/odds/ends.ts': '' }).errors).toBe(
    'src/odds/ends.ts: belongs to no part of lint/imports.ts\n',
  );
});

it('refuses a permission that nobody uses', () => {
  const files = { 'src/client/job.ts': "import { b } from '../units.ts';\n", 'src/units.ts': '' };
  const { errors } = check(files, []);
  expect(errors).toContain('client may import config, but does not\n');
  expect(errors).not.toContain('client may import basics');
});
