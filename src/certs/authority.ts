/** A simple certificate authority: makes certificates of servers and clients, and lists those that are revoked. */

import 'reflect-metadata';
import { isIP } from 'node:net';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  type JsonGeneralName,
  type JsonName,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
  X509Crl,
  X509CrlGenerator,
  X509CrlReason,
} from '@peculiar/x509';

/** ECDSA on P-256: what every browser, OpenSSL and TLS 1.3 support. */
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
/** Before now, for clocks that are slow. */
const SLACK_MS = 5 * 60_000;
const DAY_MS = 24 * 60 * 60_000;
/** Far off: OpenSSL refuses every certificate once the list of revoked ones is older than it says. */
const CRL_DAYS = 3650;

/** RFC 7468, section 6. */
const CRL_LABEL = 'X509 CRL';

/** A certificate and its private key, as text (RFC 7468). */
export interface Issued {
  readonly certificate: string;
  readonly key: string;
}

/** From when until when a certificate is valid. */
export interface Validity {
  readonly from: Date;
  readonly until: Date;
}

/** The validity of a certificate that is made now. */
export const validFor = (days: number, nowMs = Date.now()): Validity => ({
  from: new Date(nowMs - SLACK_MS),
  until: new Date(nowMs + days * DAY_MS),
});

/** A certificate that was revoked. */
export interface Revoked {
  /** In hexadecimal digits. */
  readonly serialNumber: string;
  readonly at: Date;
}

/** Who a client certificate is for. */
export interface ClientName {
  /** An e-mail address is also written where browsers and mail programs look for one. */
  readonly subject: string;
  /** The organizational unit, from which the server takes the role. */
  readonly role: string;
}

/** Signs certificates with its own key. */
export class Authority {
  readonly certificate: X509Certificate;
  readonly #key: CryptoKey;

  private constructor(certificate: X509Certificate, key: CryptoKey) {
    this.certificate = certificate;
    this.#key = key;
  }

  /** @throws Error when one of them cannot be read, or the key is not that of the certificate */
  static async load({ certificate: text, key }: Issued): Promise<Authority> {
    const certificate = new X509Certificate(text);
    const [der] = PemConverter.decode(key);
    if (der === undefined) throw new Error('expected a private key (PKCS #8)');
    const own = await crypto.subtle.importKey('pkcs8', der, ALGORITHM, true, ['sign']);
    const { x, y } = await crypto.subtle.exportKey('jwk', own);
    const other = await crypto.subtle.exportKey('jwk', await certificate.publicKey.export());
    if (x !== other.x || y !== other.y) throw new Error('the key is not that of the certificate');
    return new Authority(certificate, own);
  }

  /** Makes a new one: a certificate that it signs itself, and its key. */
  static async create(name: string, validity: Validity): Promise<Issued> {
    const keys = await newKeys();
    const certificate = await X509CertificateGenerator.createSelfSigned({
      ...ends(validity),
      serialNumber: newSerial(),
      name: [{ CN: [name] }],
      keys,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new BasicConstraintsExtension(true, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
        await SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    });
    return issued(certificate, keys);
  }

  /** @param names host names, with `*.` for all below one, and IP addresses; the first is also the common name */
  async server(names: readonly string[], validity: Validity): Promise<Issued> {
    return this.#issue([{ CN: [names[0] ?? ''] }], validity, [
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension(
        names.map((value): JsonGeneralName => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value })),
      ),
    ]);
  }

  /** Makes a certificate for a caller. */
  async client({ subject, role }: ClientName, validity: Validity): Promise<Issued> {
    return this.#issue([{ OU: [role] }, { CN: [subject] }], validity, [
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth]),
      ...(subject.includes('@')
        ? [new SubjectAlternativeNameExtension([{ type: 'email', value: subject }])]
        : []),
    ]);
  }

  /** A certificate with which another one can be signed, of one that is itself signed by this. */
  async intermediate(name: string, validity: Validity): Promise<Issued> {
    const keys = await newKeys();
    return this.#sign([{ CN: [name] }], validity, keys, [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    ]);
  }

  /**
   * The list of revoked certificates (RFC 5280, section 5).
   *
   * @returns PEM
   */
  async revocations(revoked: readonly Revoked[], validity = validFor(CRL_DAYS)): Promise<string> {
    const crl = await X509CrlGenerator.create({
      issuer: this.certificate.subjectName,
      thisUpdate: validity.from,
      nextUpdate: validity.until,
      entries: revoked.map(({ serialNumber, at }) => ({
        serialNumber,
        revocationDate: at,
        reason: X509CrlReason.unspecified,
      })),
      extensions: [await AuthorityKeyIdentifierExtension.create(this.certificate.publicKey)],
      signingKey: this.#key,
      signingAlgorithm: ALGORITHM,
    });
    return withNewline(PemConverter.encode(crl.rawData, CRL_LABEL));
  }

  async #issue(name: JsonName, validity: Validity, extensions: readonly Extension[]): Promise<Issued> {
    const keys = await newKeys();
    return this.#sign(name, validity, keys, [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      ...extensions,
    ]);
  }

  async #sign(
    subject: JsonName,
    validity: Validity,
    keys: CryptoKeyPair,
    extensions: readonly Extension[],
  ): Promise<Issued> {
    const certificate = await X509CertificateGenerator.create({
      ...ends(validity),
      serialNumber: newSerial(),
      subject,
      issuer: this.certificate.subjectName,
      publicKey: keys.publicKey,
      signingKey: this.#key,
      signingAlgorithm: ALGORITHM,
      extensions: [
        ...extensions,
        await SubjectKeyIdentifierExtension.create(keys.publicKey),
        await AuthorityKeyIdentifierExtension.create(this.certificate.publicKey),
      ],
    });
    return issued(certificate, keys);
  }
}

/**
 * The certificates that a list names.
 *
 * @param pem of the list
 */
export const revokedIn = (pem: string): readonly Revoked[] =>
  new X509Crl(pem).entries.map(({ serialNumber, revocationDate }) => ({ serialNumber, at: revocationDate }));

/**
 * The serial number of a certificate, in hexadecimal digits.
 *
 * @param pem of the certificate
 */
export const serialNumberOf = (pem: string): string => new X509Certificate(pem).serialNumber;

const ends = ({ from, until }: Validity) => ({ notBefore: from, notAfter: until });

const newKeys = (): Promise<CryptoKeyPair> => crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);

/** 126 random bits; the first byte is neither 0 nor negative, so that every program prints it alike. */
const newSerial = (): string => {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return Buffer.from(bytes).toString('hex');
};

const issued = async (certificate: X509Certificate, { privateKey }: CryptoKeyPair): Promise<Issued> => ({
  certificate: withNewline(certificate.toString('pem')),
  key: withNewline(PemConverter.encode(await crypto.subtle.exportKey('pkcs8', privateKey), 'PRIVATE KEY')),
});

const withNewline = (text: string): string => (text.endsWith('\n') ? text : `${text}\n`);
