/** Checks the Host and Origin headers of requests (DNS rebinding, other sites). */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';
import { isFromAllowedOrigin } from './cross-origin.ts';

/** The names under which a server accepts requests. */
export interface NamePolicy {
  /** The address it listens on. */
  readonly host: string;
  /** Additional names, `host` or `host:port` in lower case. */
  readonly allowedHosts: readonly string[];
  /** Origins of other sites whose pages are allowed. */
  readonly allowedOrigins?: readonly string[];
  /** Whether a host, with or without a port, is one that the server's certificate is for: no other site can have it. */
  readonly isNamed?: (host: string) => boolean;
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8);
LOOPBACK.addAddress('::1', 'ipv6');

/** Whether an IP address is one of 127.0.0.0/8 or ::1. */
export const isLoopbackAddress = (address: string): boolean => {
  const version = isIP(address);
  return version !== 0 && LOOPBACK.check(address, version === 6 ? 'ipv6' : 'ipv4');
};

/**
 * Why a request with more than one Host is refused (RFC 9112, section 3.2), or `undefined`: what stands before this
 * server may have looked at another of them.
 */
export const ambiguousHost = ({ rawHeaders }: IncomingMessage): string | undefined => {
  let hosts = 0;
  // Names and values in turns.
  for (let index = 0; index < rawHeaders.length; index += 2)
    if (rawHeaders[index]?.length === 4 && rawHeaders[index]?.toLowerCase() === 'host') hosts += 1;
  return hosts > 1 ? `Host: expected one, got ${hosts}` : undefined;
};

/**
 * Why a request is refused because of its Host or Origin, or `undefined`.
 *
 * A foreign Host reveals a page whose name was rebound to this address (DNS rebinding); a foreign Origin, a page of
 * another site. An IP address is accepted as a name if it is of the kind the server listens on: it cannot be rebound.
 */
export const foreignName = (headers: IncomingHttpHeaders, policy: NamePolicy): string | undefined => {
  const host = headers.host?.toLowerCase() ?? '';
  if (!isOwn(host, policy)) return `Host: expected a name of this server, got ${JSON.stringify(host)}`;
  const { origin } = headers;
  if (origin === undefined || isFromAllowedOrigin(headers, policy.allowedOrigins ?? [])) return undefined;
  const named = URL.canParse(origin) ? new URL(origin).host : '';
  // The same name and port as the Host of the request, or an allowed one.
  if (named === host || isAllowed(named, policy)) return undefined;
  return (
    `Origin: expected this server's own, got ${JSON.stringify(origin)} for Host ${JSON.stringify(host)}. A proxy passes on ` +
    'the Host with its port, or --allowed-host names the address that browsers use; --allow-origin names another site'
  );
};

const isOwn = (host: string, policy: NamePolicy): boolean => {
  const name = host.replace(/:\d+$/, '');
  const address = name.replace(/^\[(.*)\]$/, '$1');
  if (name === 'localhost' || isAllowed(host, policy) || address === policy.host) return true;
  if (policy.isNamed?.(name) === true) return true;
  return isLoopbackAddress(policy.host) ? isLoopbackAddress(address) : isIP(address) !== 0;
};

const isAllowed = (host: string, { allowedHosts }: NamePolicy): boolean =>
  host !== '' && (allowedHosts.includes(host) || allowedHosts.includes(host.replace(/:\d+$/, '')));
