/** Who the holder of a client certificate is. */

import 'reflect-metadata';
import { createHash } from 'node:crypto';
import { SubjectAlternativeNameExtension, X509Certificate } from '@peculiar/x509';
import { type Identity, ROLES } from '../jobs/service.ts';
import { EVERYBODY, type Roles } from './roles.ts';
import { isSubject, LONGEST_TEXT } from './subject.ts';

/** The identity of a caller, or why it is refused, as the end of a sentence about its certificate. */
export type Decided =
  | { readonly identity: Identity; readonly refusal?: never }
  | { readonly identity?: never; readonly refusal: string };

/** What a certificate says. */
interface Named {
  readonly email: string | undefined;
  readonly commonNames: readonly string[];
  readonly units: readonly string[];
  readonly notAfter: Date;
}

/** Certificates that are kept parsed. */
const MOST_KNOWN = 1000;
/** By hash. Parsing takes as long as the rest of a connection, and clients connect again and again. */
const known = new Map<string, Named>();

const read = (der: Uint8Array<ArrayBuffer>, hash: string): Named => {
  const earlier = known.get(hash);
  if (earlier !== undefined) return earlier;
  const certificate = new X509Certificate(der);
  const { subjectName, notAfter } = certificate;
  const named: Named = {
    email: certificate
      .getExtension(SubjectAlternativeNameExtension)
      ?.names.items.find(({ type }) => type === 'email')?.value,
    commonNames: subjectName.getField('CN'),
    units: subjectName.getField('OU').map((unit) => unit.toUpperCase()),
    notAfter,
  };
  if (known.size >= MOST_KNOWN) known.clear();
  known.set(hash, named);
  return named;
};

/**
 * The identity of the holder of a certificate that a trusted authority has signed. The subject is the first e-mail
 * address among its alternative names, otherwise its common name. The role is that of the operator's file, where there
 * is one, otherwise that which its organizational unit names.
 *
 * @param der the certificate
 * @param roles the operator's file; if there is one, only it counts
 */
export const holderOf = (der: Uint8Array<ArrayBuffer>, roles: Roles | undefined): Decided => {
  const hash = createHash('sha256').update(der).digest('hex');
  const { email, commonNames, units, notAfter } = read(der, hash);
  const subject = email ?? (commonNames.length === 1 ? commonNames[0] : undefined);
  if (subject === undefined)
    return { refusal: 'it names nobody: expected an e-mail address or one common name' };
  if (!isSubject(subject))
    return {
      refusal: `expected a subject of 1 to ${LONGEST_TEXT} printable characters, got ${JSON.stringify(subject)}`,
    };
  const role =
    roles === undefined
      ? only(ROLES.filter((name) => units.includes(name)))
      : (roles.get(subject) ?? roles.get(EVERYBODY));
  if (role === undefined)
    return {
      refusal:
        roles === undefined
          ? `${subject} has no role: expected ADMIN, USER or VIEWER as its organizational unit`
          : `${subject} has no role in the file of --roles`,
    };
  return {
    identity: {
      subject,
      role,
      method: 'CERTIFICATE',
      credential: `certificate ${hash}`,
      validUntil: notAfter,
    },
  };
};

const only = <T>(items: readonly T[]): T | undefined => (items.length === 1 ? items[0] : undefined);
