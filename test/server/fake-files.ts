/** A record of the contents of files in memory, and a service that takes nothing in. */

import { ClientError } from '../../src/jobs/errors.ts';
import type { FileContent, FileStore } from '../../src/jobs/file.ts';
import type { FileService, TicketRequest, Uploaded, UploadTicket } from '../../src/jobs/uploads.ts';

/** A service without room. */
export class FakeFiles implements FileService {
  async find(): Promise<Uploaded | undefined> {
    return undefined;
  }

  bytesOf(): number {
    return 0;
  }

  async receive(): Promise<Uploaded> {
    throw new ClientError('STORAGE_FULL', 'nothing is taken in here');
  }

  async createTicket(subject: string, { sizeBytes, sha256 }: TicketRequest): Promise<UploadTicket> {
    return { subject, id: sha256 ?? 'an-id', sizeBytes, expiresAt: new Date(Date.now() + 60_000) };
  }
}

/** Contents in memory: none of them is used by a job. */
export class FakeFileStore implements FileStore {
  readonly #contents = new Map<string, FileContent>();

  async all(): Promise<readonly FileContent[]> {
    return [...this.#contents.values()];
  }

  async get(owner: string, sha256: string): Promise<FileContent | undefined> {
    return this.#contents.get(`${owner} ${sha256}`);
  }

  async named(): Promise<string | undefined> {
    return undefined;
  }

  async put(content: Omit<FileContent, 'createdAt'>): Promise<void> {
    this.#contents.set(`${content.owner} ${content.sha256}`, { createdAt: content.usedAt, ...content });
  }

  async unused(): Promise<readonly FileContent[]> {
    return [];
  }

  async remove(owner: string, sha256: string): Promise<boolean> {
    return this.#contents.delete(`${owner} ${sha256}`);
  }

  async touchUsed(): Promise<void> {}
}
