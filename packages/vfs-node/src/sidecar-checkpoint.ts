import { createRequire } from 'node:module';
import { isMainThread, Worker, workerData } from 'node:worker_threads';

/** Databases whose checkpoint is running. */
const running = new Set<string>();

/**
 * Moves the log of a database into the database, in a thread, because it waits for the medium. After a failure the log is unchanged and the
 * next checkpoint tries again. https://sqlite.org/wal.html
 */
export function checkpoint(path: string): void {
  if (running.has(path)) return;
  running.add(path);
  const isSource = import.meta.url.endsWith('.ts');
  const thread = new Worker(new URL(import.meta.url), {
    workerData: { checkpoint: path },
    execArgv: isSource ? ['--conditions=@ring3/source'] : [],
  });
  thread.on('error', () => {});
  thread.on('exit', () => running.delete(path));
  thread.unref();
}

const { checkpoint: wanted } = (workerData ?? {}) as { checkpoint?: string };
if (!isMainThread && wanted !== undefined) {
  const { DatabaseSync } = createRequire(import.meta.url)('node:sqlite') as typeof import('node:sqlite');
  const database = new DatabaseSync(wanted, { timeout: 5000 });
  database.exec('PRAGMA wal_checkpoint(PASSIVE)');
  database.close();
}
