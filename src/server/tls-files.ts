/** The files of TLS: the server's certificate and key, trusted authorities, and revocation lists. */

import 'reflect-metadata';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { X509Crl } from '@peculiar/x509';

/** Paths of PEM files. */
export interface TlsPaths {
  /** The server's certificate, followed by those of intermediate authorities. */
  readonly certificate: string;
  readonly key: string;
  /** The authorities that sign client certificates; without it none is asked for. */
  readonly clientCa?: string | undefined;
  /** Lists of revoked client certificates. */
  readonly crl?: string | undefined;
}

/** The content of the files, checked against each other. */
export interface TlsFiles {
  readonly certificate: X509Certificate;
  readonly cert: string;
  readonly key: string;
  readonly ca: readonly string[];
  readonly crl: readonly string[];
  /** Whether a client certificate and the chain sent with it lead to a trusted authority. */
  isTrusted(certificate: X509Certificate): boolean;
  /** Why a client certificate is not accepted by these files any more, or `undefined`. */
  refusalOf(certificate: X509Certificate): string | undefined;
  /** Warnings for the operator, one sentence each. */
  readonly warnings: readonly string[];
}

/** Of certificates on the way to an authority. */
const LONGEST_CHAIN = 100;

/**
 * Reads the files.
 *
 * @throws Error that names the file and what is wrong with it
 */
export const readTlsFiles = async (paths: TlsPaths, now = new Date()): Promise<TlsFiles> => {
  const [cert, key, caText, crlText] = await Promise.all([
    readText(paths.certificate),
    readText(paths.key),
    paths.clientCa === undefined ? '' : readText(paths.clientCa),
    paths.crl === undefined ? '' : readText(paths.crl),
  ]);
  const certificate = parsed(paths.certificate, 'a certificate', () => new X509Certificate(cert));
  const privateKey = parsed(paths.key, 'a private key without a passphrase', () => createPrivateKey(key));
  if (!certificate.checkPrivateKey(privateKey))
    throw new Error(`${paths.key}: expected the key of ${paths.certificate}, got another one`);
  const ca = blocks(caText, 'CERTIFICATE');
  const authorities = ca.map((pem) =>
    parsed(paths.clientCa ?? '', 'certificates', () => new X509Certificate(pem)),
  );
  if (paths.clientCa !== undefined && ca.length === 0)
    throw new Error(`${paths.clientCa}: expected certificates of authorities, got none`);
  const crl = blocks(crlText, 'X509 CRL');
  if (paths.crl !== undefined && crl.length === 0)
    throw new Error(`${paths.crl}: expected lists of revoked certificates (X509 CRL), got none`);
  const lists = await Promise.all(crl.map((pem) => readList(pem, authorities, paths)));
  return {
    certificate,
    cert,
    key,
    ca,
    crl,
    isTrusted: (client) => isTrusted(client, authorities),
    refusalOf: (client) => {
      if (!isTrusted(client, authorities)) return UNTRUSTED;
      const isListed = lists.some(
        ({ authority, serials }) => client.checkIssued(authority) && serials.has(normal(client.serialNumber)),
      );
      return isListed ? REVOKED : undefined;
    },
    warnings: [
      ...(certificate.validToDate <= now
        ? [
            `${paths.certificate} has expired on ${certificate.validToDate.toISOString()}: no client accepts it`,
          ]
        : []),
      ...lists
        .filter(({ until }) => until !== undefined && until <= now)
        .map(
          ({ until }) =>
            `${paths.crl} is out of date since ${until?.toISOString()}: no client certificate is accepted`,
        ),
    ],
  };
};

/** As the ends of sentences about a certificate. */
export const UNTRUSTED = 'it is not signed by an authority of --tls-client-ca';
export const REVOKED = 'it was revoked';

interface List {
  readonly authority: X509Certificate;
  readonly serials: ReadonlySet<string>;
  readonly until: Date | undefined;
}

const readList = async (
  pem: string,
  authorities: readonly X509Certificate[],
  { crl = '' }: TlsPaths,
): Promise<List> => {
  const list = parsed(crl, 'a list of revoked certificates', () => new X509Crl(pem));
  for (const authority of authorities) {
    const spki = authority.publicKey.export({ type: 'spki', format: 'pem' });
    if (await list.verify({ publicKey: await publicKeyOf(String(spki)) }))
      return {
        authority,
        serials: new Set(list.entries.map(({ serialNumber }) => normal(serialNumber))),
        until: list.nextUpdate,
      };
  }
  throw new Error(
    `${crl}: expected lists that an authority of --tls-client-ca has signed, got one of ${list.issuer}`,
  );
};

const publicKeyOf = async (pem: string) => {
  const { PublicKey } = await import('@peculiar/x509');
  return new PublicKey(pem);
};

/** Whether a chain of certificates that came with a client leads to an authority. */
const isTrusted = (certificate: X509Certificate, authorities: readonly X509Certificate[]): boolean => {
  let at: X509Certificate | undefined = certificate;
  for (let depth = 0; at !== undefined && depth < LONGEST_CHAIN; depth++) {
    const own = at;
    if (authorities.some((authority) => own.checkIssued(authority) && own.verify(authority.publicKey)))
      return true;
    at = at.issuerCertificate;
  }
  return false;
};

/** Serial numbers as numbers are compared: without the case and the leading zeros that programs print or do not. */
const normal = (serial: string): string => serial.toLowerCase().replace(/^0+(?=.)/, '');

const readText = async (path: string): Promise<string> => {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new Error(`${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
};

const parsed = <T>(path: string, expected: string, parse: () => T): T => {
  try {
    return parse();
  } catch (error) {
    throw new Error(
      `${path}: expected ${expected}: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
};

/** The blocks of a PEM file (RFC 7468) with a label. */
const blocks = (text: string, label: string): readonly string[] =>
  text.match(new RegExp(`-----BEGIN ${label}-----[^-]+-----END ${label}-----`, 'g')) ?? [];
