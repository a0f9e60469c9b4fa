import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { PersistentChange, PersistentOpens, StoredOpen } from '@ring3/smb-server';
import type { Request, Response, ThreadData } from './thread.ts';

interface Waiting {
  readonly changes: readonly PersistentChange[];
  resolve(): void;
  reject(error: Error): void;
}

/**
 * Keeps persistent opens in `persistent-opens.sqlite` of the state directory. A thread writes them, since a commit waits for the medium; what
 * arrives while it does so is the next commit. The thread starts with the first use, so a daemon without persistent opens has none.
 */
export class SqlitePersistentOpens implements PersistentOpens {
  readonly #path: string;
  #thread: Worker | undefined;
  #waiting: Waiting[] = [];
  /** The commits in progress. */
  #working: Promise<void> | undefined;

  /** @param folder the state directory, which exists */
  constructor(folder: string) {
    this.#path = join(folder, 'persistent-opens.sqlite');
  }

  /** @throws Error with the path if the database cannot be read */
  async load(): Promise<readonly StoredOpen[]> {
    if (!existsSync(this.#path)) return [];
    return (await this.#ask({ load: true })).opens ?? [];
  }

  commit(changes: readonly PersistentChange[]): Promise<void> {
    if (changes.length === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiting.push({ changes, resolve, reject });
      this.#working ??= this.#work();
    });
  }

  /** Commits what waits, all of it at once, until nothing does. */
  async #work(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      try {
        await this.#ask({ changes: batch.flatMap(({ changes }) => changes) });
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(error as Error);
      }
    }
    this.#working = undefined;
  }

  /** @throws Error with the path if it failed */
  async #ask(request: Request): Promise<Response> {
    const thread = (this.#thread ??= this.#start());
    const response = await new Promise<Response>((resolve) => {
      const done = (answer: Response): void => {
        thread.off('message', done);
        thread.off('exit', ended);
        resolve(answer);
      };
      const ended = (): void => {
        this.#thread = undefined;
        done({ error: 'the thread of the database has ended' });
      };
      thread.on('message', done);
      thread.on('exit', ended);
      thread.postMessage(request);
    });
    if (response.error !== undefined) throw new Error(`${this.#path}: ${response.error}`);
    return response;
  }

  #start(): Worker {
    const isSource = import.meta.url.endsWith('.ts');
    const thread = new Worker(new URL(isSource ? 'thread.ts' : 'thread.js', import.meta.url), {
      workerData: { persistentOpens: this.#path } satisfies ThreadData,
      execArgv: isSource ? ['--conditions=@ring3/source'] : [],
    });
    thread.on('error', () => {}); // `exit` follows
    thread.unref();
    return thread;
  }

  /** Closes the database when the commits in progress are done. */
  async close(): Promise<void> {
    await this.#working;
    if (this.#thread !== undefined) await this.#ask({ close: true }).catch(() => {});
    this.#thread = undefined;
  }
}
