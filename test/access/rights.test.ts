/** When those wait for the end of a right are called. */

import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Rights } from '../../src/access/rights.ts';
import type { Identity } from '../../src/jobs/service.ts';

const DAY_MS = 24 * 60 * 60_000;
const START = 1_800_000_000_000;

let heard: string[];
let rights: Rights;

beforeEach(() => {
  vi.useFakeTimers({ now: START });
  heard = [];
  rights = new Rights();
});

afterEach(() => {
  vi.useRealTimers();
});

const identity = (credential: string, lifeMs?: number): Identity => ({
  subject: 'alice',
  role: 'USER',
  method: 'TOKEN',
  credential,
  ...(lifeMs !== undefined && { validUntil: new Date(START + lifeMs) }),
});

const hear = (why: string): void => {
  heard.push(why);
};

it('calls each listener of a credential once, and no others', () => {
  rights.onEnd(identity('token a'), hear);
  rights.onEnd(identity('token a'), hear);
  rights.onEnd(identity('token b'), hear);
  rights.end('token a', 'the token was revoked');
  rights.end('token a', 'again');
  rights.end('token c', 'never seen');
  expect(heard).toEqual(['the token was revoked', 'the token was revoked']);
  expect(rights.size).toBe(1);
});

// The second is further off than a timer of Node.js can wait.
it.each([60_001, 400 * DAY_MS])('calls at the expiry, in %d ms, and not before', (lifeMs) => {
  rights.onEnd(identity('token a', lifeMs), hear);
  vi.advanceTimersByTime(lifeMs - 1);
  expect(heard).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(heard).toEqual(['the token has expired']);
  expect(vi.getTimerCount()).toBe(0);
});

it('notices within a minute that the clock was set past the expiry', () => {
  rights.onEnd(identity('certificate a', DAY_MS), hear);
  vi.setSystemTime(START + 2 * DAY_MS);
  vi.advanceTimersByTime(60_000);
  expect(heard).toEqual(['the certificate has expired']);
});

it('calls a listener that is added after the expiry at once', () => {
  rights.onEnd(identity('token a', 0), hear);
  expect(heard).toEqual(['the token has expired']);
});

it('keeps nothing of a listener that was removed', () => {
  const gone = Array.from({ length: 100 }, () => rights.onEnd(identity('token a', DAY_MS), hear));
  expect([rights.size, vi.getTimerCount()]).toEqual([100, 1]);
  for (const go of [...gone, ...gone]) go();
  expect([rights.size, vi.getTimerCount()]).toEqual([0, 0]);
  rights.end('token a', 'too late');
  expect(heard).toEqual([]);
});

it('does not let a removed listener affect later ones', () => {
  const go = rights.onEnd(identity('token a'), hear);
  rights.end('token a', 'first');
  rights.onEnd(identity('token a'), hear);
  go();
  rights.end('token a', 'second');
  expect(heard).toEqual(['first', 'second']);
});

it('never calls a listener without a credential', () => {
  rights.onEnd({ subject: 'alice', role: 'USER', method: 'TOKEN' }, hear);
  expect(rights.size).toBe(0);
});

it('ends the credentials that a check gives a reason for', () => {
  rights.onEnd(identity('certificate a'), hear);
  rights.onEnd(identity('certificate b'), hear);
  rights.endAll((credential) => (credential === 'certificate b' ? 'it was revoked' : undefined));
  expect(heard).toEqual(['it was revoked']);
});
