/** Which hosts and origins the server accepts. */

import { describe, expect, it } from 'vitest';
import { foreignName } from '../../src/server/origin.ts';

const loopback = { host: '127.0.0.1', allowedHosts: [] };
const everywhere = { host: '0.0.0.0', allowedHosts: ['runner.example', 'proxy.example:8443'] };

describe('foreignName of a server on loopback', () => {
  it.each(['127.0.0.1:8080', '127.0.0.1', '127.1.2.3:8080', 'localhost:8080', 'LOCALHOST', '[::1]:8080'])(
    'answers to %s',
    (host) => {
      expect(foreignName({ host }, loopback)).toBeUndefined();
    },
  );

  it.each([
    undefined,
    '',
    'evil.example',
    'evil.example:8080',
    '127.0.0.1.evil.example',
    'localhost.evil.example',
    'evil.localhost',
    '10.0.0.1:8080',
    '[fe80::1]:8080',
    '127.0.0.1@evil.example',
    '0x7f000001',
  ])('does not answer to %s', (host) => {
    expect(foreignName(host === undefined ? {} : { host }, loopback)).toBe(
      `Host: expected a name of this server, got ${JSON.stringify(host ?? '')}`,
    );
  });

  it('accepts its own pages, and clients that are not browsers', () => {
    const host = '127.0.0.1:8080';
    expect(foreignName({ host, origin: `http://${host}` }, loopback)).toBeUndefined();
    expect(foreignName({ host }, loopback)).toBeUndefined();
  });

  it.each([
    'http://evil.example',
    'http://127.0.0.1:3000',
    'http://127.0.0.1',
    'http://localhost:8080',
    'null',
    '',
    'file://',
    'http://127.0.0.1:8080.evil.example',
    'http://127.0.0.1:8080@evil.example',
  ])('refuses a page from %j', (origin) => {
    expect(foreignName({ host: '127.0.0.1:8080', origin }, loopback)).toBe(
      `Origin: expected this server's own, got ${JSON.stringify(origin)} for Host "127.0.0.1:8080". A proxy passes on the Host with its port, or --allowed-host names the address that browsers use; --allow-origin names another site`,
    );
  });
});

describe('foreignName of a server on every address', () => {
  it.each(['10.0.0.1:8080', '[2001:db8::1]:8080', 'localhost:8080', 'runner.example', 'Runner.Example:8080'])(
    'answers to %s',
    (host) => {
      expect(foreignName({ host }, everywhere)).toBeUndefined();
    },
  );

  it.each(['evil.example:8080', 'proxy.example:8080', 'proxy.example', 'x.runner.example'])(
    'does not answer to %s',
    (host) => {
      expect(foreignName({ host }, everywhere)).toContain('Host: ');
    },
  );

  it('accepts a page of an allowed name from a proxy that changes Host', () => {
    const origin = 'https://proxy.example:8443';
    expect(foreignName({ host: '10.0.0.1:8080', origin }, everywhere)).toBeUndefined();
    expect(foreignName({ host: '10.0.0.1:8080', origin: 'https://evil.example' }, everywhere)).toContain(
      'Origin: ',
    );
  });
});
