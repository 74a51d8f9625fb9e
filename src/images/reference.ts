/** References to images in registries: `alpine:3.20`, `registry.example/team/app@sha256:...`. */

import { fault } from './fault.ts';

/** A reference with its defaults filled in. */
export interface Reference {
  /** Host, and port where it is not the usual one. */
  readonly registry: string;
  readonly repository: string;
  /** A tag, or a digest `sha256:...`. */
  readonly tag: string;
}

const DEFAULT_REGISTRY = 'docker.io';
// The parts of a repository's name, which is a path (OCI distribution specification).
const PART = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const REPOSITORY = new RegExp(`^${PART}(?:/${PART})*$`);
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;
const HOST = /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?|\[[0-9a-fA-F:]+\])(?::\d{1,5})?$/;

/**
 * Parses a reference as docker does: without a registry it is Docker Hub, without a tag `latest`.
 *
 * @throws ImageFault if the text is not a reference
 */
export const parseReference = (text: string): Reference => {
  const wrong = () => fault('input.reference', '[REGISTRY/]REPOSITORY[:TAG|@DIGEST]', text);
  if (text.length > 512) throw wrong();
  const [name = '', digest, ...more] = text.split('@');
  if (more.length > 0 || (digest !== undefined && !DIGEST.test(digest))) throw wrong();
  const colon = name.lastIndexOf(':');
  const tagged = colon > name.lastIndexOf('/');
  const tag = tagged ? name.slice(colon + 1) : 'latest';
  const path = tagged ? name.slice(0, colon) : name;
  if (!TAG.test(tag)) throw wrong();
  const [first = '', ...rest] = path.split('/');
  const isHost = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost');
  const registry = isHost ? first : DEFAULT_REGISTRY;
  const named = isHost ? rest.join('/') : path;
  const repository = registry === DEFAULT_REGISTRY && !named.includes('/') ? `library/${named}` : named;
  if (!HOST.test(registry) || !REPOSITORY.test(repository) || repository.length > 255) throw wrong();
  return { registry, repository, tag: digest ?? tag };
};
