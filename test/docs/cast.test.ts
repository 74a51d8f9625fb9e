/** The picture of the README: the session that it shows, recorded for real, and its drawing. */

import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { recordSurvives } from '../../docs/cast/survives.ts';
import { draw } from '../../docs/cast/svg.ts';
import { ID_BASE, IMAGES, testImage } from '../support/image.ts';

it('records a job whose log continues after the server was killed', async () => {
  await testImage();
  const [client, operator] = await recordSurvives({
    prepare: (stateDir) => symlinkSync(IMAGES, join(stateDir, 'images')),
    env: { CLOISTER_ID_BASE: String(ID_BASE) },
    ticks: 2,
  });
  const printed = client?.lines.filter(({ typed }) => !typed).map(({ text }) => text) ?? [];
  expect(printed.length).toBeGreaterThanOrEqual(6);
  expect(printed).toEqual(printed.map((_, index) => `tick ${index + 1}`));
  const commands = operator?.lines.filter(({ typed }) => typed).map(({ text }) => text);
  expect(commands).toEqual([
    'bin/cloister serve >>server.log 2>&1 &',
    'kill -9 $!; wait $!',
    'bin/cloister serve >>server.log 2>&1 &',
    'bin/cloister status @last | head -4',
  ]);
  const output = operator?.lines.filter(({ typed }) => !typed).map(({ text }) => text) ?? [];
  expect(output.join('\n')).toMatch(/ Killed .*\n(.*\n)*Status: RUNNING/);
});

const line = (atMs: number, text: string, typed = false) => ({ atMs, text, typed });

it('draws each line at its time, cut to the width and escaped, and shortens idle times', () => {
  const svg = draw(
    [{ title: 'one', lines: [line(100, 'ls > a && cat', true), line(600_100, '<out of room>')] }],
    {
      columns: 10,
      rows: [1],
      description: 'a "test"',
    },
  );
  const texts = [...svg.matchAll(/<text class="a[^>]*>([^<]*)<\/text>/g)].map(([, text]) => text);
  expect(texts).toEqual(['$ ls &gt; a …', '&lt;out of r…']);
  expect(svg).toContain('<title>a &quot;test&quot;</title>');
  // 1.5 s of ten minutes, then 4 s at the end.
  expect(svg).toContain('animation-duration:5500ms');
  expect(svg).toContain('@keyframes p0l1{0%{opacity:0}27.27%{opacity:1}}');
  // One row is shown, so the second line moves the first one out.
  expect(svg).toContain('27.27%{transform:translateY(-18px)}');
});
