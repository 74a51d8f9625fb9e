/** Callers that a proxy in front of the server has signed in (single sign-on). */

import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';
import type { Decided } from '../access/certificate.ts';
import type { Rights } from '../access/rights.ts';
import { EVERYBODY, type Roles } from '../access/roles.ts';
import { isSubject, LONGEST_TEXT } from '../access/subject.ts';
import type { Role } from '../jobs/service.ts';
import type { RolesFile } from './roles-file.ts';

/** Which proxies are believed, and what they say. */
export interface ProxySettings {
  /** IP addresses, and networks as ADDRESS/BITS. */
  readonly addresses: readonly string[];
  /** The header in which they name the caller, in lower case. */
  readonly subjectHeader: string;
}

const CREDENTIAL = 'proxy ';

/** Says who callers are by a header that only certain proxies may send. */
export class Proxies {
  readonly #header: string;
  readonly #trusted = new BlockList();
  readonly #roles: RolesFile | undefined;

  constructor({ addresses, subjectHeader }: ProxySettings, roles: RolesFile | undefined, rights: Rights) {
    this.#header = subjectHeader;
    this.#roles = roles;
    for (const text of addresses) {
      const [address = '', bits] = text.split('/');
      const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
      if (bits === undefined) this.#trusted.addAddress(address, family);
      else this.#trusted.addSubnet(address, Number(bits), family);
    }
    roles?.onChange(() =>
      rights.endAll((credential) => {
        if (!credential.startsWith(CREDENTIAL)) return undefined;
        const [role, ...subject] = credential.slice(CREDENTIAL.length).split(' ');
        return roleOf(roles.current, subject.join(' ')) === role ? undefined : 'its role was changed';
      }),
    );
  }

  /** Who a request is from by its header; `undefined` without one. */
  callerOf({ socket, headersDistinct }: IncomingMessage): Decided | undefined {
    const values = headersDistinct[this.#header];
    if (values === undefined) return undefined;
    const { remoteAddress } = socket;
    if (!this.#isTrusted(remoteAddress))
      return {
        refusal: `expected it from an address of --trust-proxy only, got it from ${remoteAddress ?? 'the Unix socket'}`,
      };
    if (values.length > 1) return { refusal: `expected one, got ${values.length}` };
    const subject = textOf(values[0] ?? '');
    // The proxy has not signed anybody in.
    if (subject === '') return undefined;
    if (!isSubject(subject))
      return {
        refusal: `expected a subject of 1 to ${LONGEST_TEXT} printable characters, got ${JSON.stringify(subject)}`,
      };
    const role = this.#roles === undefined ? 'USER' : roleOf(this.#roles.current, subject);
    if (role === undefined) return { refusal: `${subject} has no role in the file of --roles` };
    return { identity: { subject, role, method: 'PROXY', credential: `${CREDENTIAL}${role} ${subject}` } };
  }

  /** The name of the header. */
  get header(): string {
    return this.#header;
  }

  #isTrusted(address = ''): boolean {
    // How a socket that listens on IPv6 shows a client with IPv4.
    const bare = address.replace(/^::ffff:(?=\d+\.)/i, '');
    const version = isIP(bare);
    return version !== 0 && this.#trusted.check(bare, version === 6 ? 'ipv6' : 'ipv4');
  }
}

const roleOf = (roles: Roles, subject: string): Role | undefined =>
  roles.get(subject) ?? roles.get(EVERYBODY);

/** Node.js decodes headers as Latin-1; the value is decoded as UTF-8 where it is valid. */
const textOf = (value: string): string => {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(value, 'latin1'));
  } catch {
    return value;
  }
};
