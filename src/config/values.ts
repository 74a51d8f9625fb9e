/** Parsers for the values of settings. */

import { isIPv4, isIPv6 } from 'node:net';
import { resolve } from 'node:path';

/** Each parser turns the text of a setting into its value, or `undefined` if it is not valid. */

/** Where a server listens. */
export interface Address {
  /** An IPv6 address has no brackets here. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

/** An absolute path; a relative one is taken from the working directory. */
export const path = (text: string): string | undefined => (text === '' ? undefined : resolve(text));

/** A whole number in decimal digits, from `min` to `max`, both included. */
export const whole = (text: string, min: number, max: number): number | undefined => {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  return value >= min && value <= max ? value : undefined;
};

/** The same parser, but 0 is not valid. */
export const positive =
  (parse: (text: string) => number | undefined) =>
  (text: string): number | undefined =>
    parse(text) || undefined;

/** true, yes or 1; false, no or 0; in any case. */
export const yesOrNo = (text: string): boolean | undefined => {
  if (/^(true|yes|1)$/i.test(text)) return true;
  return /^(false|no|0)$/i.test(text) ? false : undefined;
};

/** CPUs from 0.01 to 1024, with up to six decimals. */
export const cpus = (text: string): number | undefined => {
  const value = /^\d{1,4}(\.\d{1,6})?$/.test(text) ? Number(text) : Number.NaN;
  return value >= 0.01 && value <= 1024 ? value : undefined;
};

/** `HOST:PORT`; an IPv6 address is in brackets. */
export const address = (text: string): Address | undefined => {
  const parts = /^(?:\[(?<six>[^\]]+)\]|(?<name>[A-Za-z0-9][A-Za-z0-9.-]*)):(?<port>\d{1,5})$/.exec(text);
  const host = parts?.groups?.['six'] ?? parts?.groups?.['name'];
  const port = Number(parts?.groups?.['port']);
  if (host === undefined || !(port <= 65_535)) return undefined;
  if (parts?.groups?.['six'] !== undefined && !isIPv6(host)) return undefined;
  return { host, port };
};

/** Names separated by commas, each `host` or `host:port`; in lower case. */
export const hosts = (text: string): readonly string[] | undefined => {
  const names = text.split(',').map((name) => name.trim().toLowerCase());
  const host = /^(\[[0-9a-f:.]+\]|[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?)(:\d{1,5})?$/;
  return names.every((name) => host.test(name)) ? names : undefined;
};

/** The path prefix; `/` means none, which is the empty text. */
export const basePath = (text: string): string | undefined => {
  if (text === '/') return '';
  const segments = text.split('/').slice(1);
  return /^(\/[A-Za-z0-9._~-]+)+$/.test(text) && !segments.some((segment) => /^\.\.?$/.test(segment))
    ? text
    : undefined;
};

/**
 * Origins as browsers send them: scheme, host in lower case, and a port that is not the default of the scheme. No
 * wildcards, which a URL may have in its host, and which no page comes from.
 */
export const origins = (text: string): readonly string[] | undefined => {
  const urls = text.split(',').map((item) => URL.parse(item.trim()));
  const isOrigin = (url: URL | null): boolean =>
    url !== null &&
    /^https?:$/.test(url.protocol) &&
    url.href === `${url.origin}/` &&
    !url.host.includes('*');
  return urls.every(isOrigin) ? urls.map((url) => url?.origin ?? '') : undefined;
};

/** IP addresses, and networks as ADDRESS/BITS. */
export const networks = (text: string): readonly string[] | undefined => {
  const items = text.split(',').map((item) => item.trim());
  const isNetwork = (item: string): boolean => {
    const [address = '', bits, ...rest] = item.split('/');
    const most = isIPv4(address) ? 32 : 128;
    return (
      (isIPv4(address) || isIPv6(address)) &&
      rest.length === 0 &&
      (bits === undefined || whole(bits, 0, most) !== undefined)
    );
  };
  return items.every(isNetwork) ? items : undefined;
};

/**
 * The name of a header in lower case. One with a meaning of its own is refused: its value would be taken for a name.
 */
export const headerName = (text: string): string | undefined => {
  const name = text.toLowerCase();
  const taken =
    /^(accept.*|authorization|connection|content-.*|cookie|host|origin|referer|sec-.*|te|transfer-encoding|upgrade|user-agent)$/;
  return /^[a-z0-9][a-z0-9-]{0,63}$/.test(name) && !taken.test(name) ? name : undefined;
};

/** A URL to which paths are added, without a slash at its end. */
export const baseUrl = (text: string): string | undefined => {
  const url = httpUrl(text);
  return url === undefined || url.search !== '' || url.hash !== '' || url.username !== ''
    ? undefined
    : url.href.replace(/\/$/, '');
};

/** A URL that begins with http: or https:. */
export const httpUrl = (text: string): URL | undefined => {
  const url = URL.parse(text);
  return url !== null && /^https?:$/.test(url.protocol) ? url : undefined;
};

/** The URL of a GraphQL endpoint. After that of a server, which ends with a slash or with its host, `graphql` is added. */
export const endpoint = (text: string): URL | undefined => {
  const url = httpUrl(text);
  if (url?.pathname.endsWith('/')) url.pathname += 'graphql';
  return url;
};

/** The URL or the path of a mirror of images. */
export const mirror = (text: string): string | undefined => {
  if (text.includes('://')) return httpUrl(text) === undefined ? undefined : text;
  return path(text);
};

/** The first id of cells. Ids of the kernel end at 2^32 - 2, and a cell takes 65536 of them. */
export const idBase = (text: string): number | undefined => {
  const value = whole(text, 65_536, 4_294_836_224);
  return value !== undefined && value % 65_536 === 0 ? value : undefined;
};

/** A token: printable ASCII, since it is sent in an HTTP header. */
export const token = (text: string): string | undefined => (/^[\x21-\x7e]+$/.test(text) ? text : undefined);

/** Whether only this machine can reach a host: 127.0.0.0/8, ::1 and `localhost`. */
export const isLoopback = (host: string): boolean => {
  const bare = host.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  return bare === 'localhost' || bare === '::1' || (isIPv4(bare) && bare.startsWith('127.'));
};
