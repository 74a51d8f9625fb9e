/** The record of images in SQLite. */

import type { ImageContent, ImageDefaults, ImageName, ImageStore } from '../jobs/image.ts';
import type { Connection } from './connection.ts';
import type { GroupCommit } from './group-commit.ts';

/** A row of the table `images`. */
interface ContentRow {
  readonly digest: string;
  readonly layers: string;
  readonly defaults: string;
  readonly size: number;
  readonly created_at: number;
}

/** A row of the table `image_names`. */
interface NameRow {
  readonly name: string;
  readonly digest: string;
  readonly owner: string | null;
  readonly source: string;
  readonly created_at: number;
}

/** Images in the database of the jobs, written in the same transactions. */
export class SqliteImages implements ImageStore {
  readonly #db: Connection;
  readonly #commits: GroupCommit;

  constructor(db: Connection, commits: GroupCommit) {
    this.#db = db;
    this.#commits = commits;
  }

  async contents(): Promise<readonly ImageContent[]> {
    const rows = this.#db.prepare('SELECT * FROM images ORDER BY digest').all() as ContentRow[];
    return rows.map(({ digest, layers, defaults, size, created_at }) => ({
      digest,
      layers: JSON.parse(layers) as ImageContent['layers'],
      defaults: JSON.parse(defaults) as ImageDefaults,
      sizeBytes: size,
      createdAt: new Date(created_at),
    }));
  }

  async names(): Promise<readonly ImageName[]> {
    const rows = this.#db.prepare('SELECT * FROM image_names ORDER BY name').all() as NameRow[];
    return rows.map(({ created_at, ...row }) => ({ ...row, createdAt: new Date(created_at) }));
  }

  put({ name, owner, source, createdAt }: ImageName, content: ImageContent): Promise<void> {
    const { digest, layers, defaults, sizeBytes } = content;
    return this.#commits.write(() => {
      this.#db
        .prepare('INSERT INTO images VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING')
        .run(
          digest,
          JSON.stringify(layers),
          JSON.stringify(defaults),
          sizeBytes,
          content.createdAt.getTime(),
        );
      this.#db
        .prepare(
          'INSERT OR REPLACE INTO image_names (name, digest, owner, source, created_at) VALUES (?, ?, ?, ?, ?)',
        )
        .run(name, digest, owner, source, createdAt.getTime());
    });
  }

  removeName(name: string): Promise<void> {
    return this.#write('DELETE FROM image_names WHERE name = ?', name);
  }

  removeContent(digest: string): Promise<void> {
    return this.#write('DELETE FROM images WHERE digest = ?', digest);
  }

  async used(): Promise<ReadonlySet<string>> {
    const sql = `SELECT DISTINCT spec ->> '$.imageDigest' FROM jobs WHERE status IN ('QUEUED', 'RUNNING')`;
    const digests = this.#db.prepare(sql).pluck().all() as (string | null)[];
    return new Set(digests.filter((digest) => digest !== null));
  }

  retarget(name: string, digest: string): Promise<void> {
    // With the plus SQLite looks for the few jobs that wait, and not for all that ever had the image.
    const sql = `UPDATE jobs SET spec = json_set(spec, '$.imageDigest', ?)
      WHERE status = 'QUEUED' AND +image = ? AND spec ->> '$.imageDigest' IS NOT ?`;
    return this.#write(sql, digest, name, digest);
  }

  #write(sql: string, ...values: readonly string[]): Promise<void> {
    return this.#commits.write(() => {
      this.#db.prepare(sql).run(...values);
    });
  }
}
