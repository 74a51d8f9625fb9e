/** Links that stand for a caller: for how long they are accepted, and for what. */

import { beforeEach, describe, expect, it } from 'vitest';
import { ARTIFACT_LINK_MS, ArtifactLinks } from '../../src/access/artifact-links.ts';
import { AuthorizedFiles } from '../../src/access/authorized-files.ts';
import { LinkSigner } from '../../src/access/link-signer.ts';
import { FakeFiles } from '../server/fake-files.ts';
import { newLinkKeys } from '../support/link-keys.ts';

const keys = newLinkKeys();
const START_MS = 1_700_000_000_000;
let nowMs: number;

beforeEach(() => {
  nowMs = START_MS;
});

it('a link to an artifact is valid for as long as it says, and then not any more', () => {
  const links = new ArtifactLinks(keys, () => nowMs);
  const link = links.sign('a-job', 'out');
  expect(Number(link.expires) * 1000).toBe(START_MS + ARTIFACT_LINK_MS);
  nowMs += ARTIFACT_LINK_MS - 1;
  expect(links.isValid('a-job', 'out', link)).toBe(true);
  nowMs += 1;
  expect(links.isValid('a-job', 'out', link)).toBe(false);
});

describe('a link to upload', () => {
  const SIZE = 10;
  let expiresMs: number;
  let files: AuthorizedFiles;
  let query: URLSearchParams;
  let id: string;

  beforeEach(async () => {
    files = new AuthorizedFiles(new FakeFiles(), keys, () => nowMs);
    const alice = { subject: 'alice', role: 'USER', method: 'TOKEN' } as const;
    const link = await files.createLink(alice, { sizeBytes: SIZE });
    ({ id } = link.ticket);
    expiresMs = link.ticket.expiresAt.getTime();
    query = new URLSearchParams(link.query);
  });

  it('is valid for as long as it says, and then not any more', () => {
    nowMs = expiresMs - 1;
    expect(files.openLink(id, query)).toMatchObject({ subject: 'alice', id, sizeBytes: SIZE });
    nowMs += 1;
    expect(() => files.openLink(id, query)).toThrow('expires: expected a link that has not expired');
  });

  it.each([
    ['subject', 'bob'],
    ['size', '11'],
    ['expires', '9999999999999'],
    ['signature', ''],
  ])('with another %s is refused', (name, value) => {
    query.set(name, value);
    expect(() => files.openLink(id, query)).toThrow('signature: expected a link as createUpload made it');
  });

  it('is for no other content', () => {
    expect(() => files.openLink('another-id', query)).toThrow('signature: ');
  });
});

it('a link of one kind is none of another', () => {
  const parts = ['alice', 'an-id', 1, 2];
  const signature = new LinkSigner('upload', keys).sign(parts);
  expect(new LinkSigner('upload', keys).isValid(parts, signature)).toBe(true);
  expect(new LinkSigner('artifact', keys).isValid(parts, signature)).toBe(false);
});
