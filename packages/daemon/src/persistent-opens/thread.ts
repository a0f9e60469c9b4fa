import { parentPort, workerData } from 'node:worker_threads';
import type { PersistentChange, StoredOpen } from '@ring3/smb-server';
import { OpensDatabase } from './database.ts';

/** A request to the thread of the database: all opens, changes of several commits, or the end. */
export type Request = { readonly load: true } | { readonly changes: readonly PersistentChange[] } | { readonly close: true };
/** Its response. */
export interface Response {
  readonly opens?: readonly StoredOpen[];
  /** Why it failed. */
  readonly error?: string;
}

/** What the main thread passes. */
export interface ThreadData {
  /** Path of the database. */
  readonly persistentOpens: string;
}

let database: OpensDatabase | undefined;

/** A database that cannot be opened is tried again at the next request. */
function respond(request: Request): Response {
  try {
    if ('close' in request) {
      database?.close();
      return {};
    }
    database ??= new OpensDatabase((workerData as ThreadData).persistentOpens);
    if ('load' in request) return { opens: database.load() };
    database.commit(request.changes);
    return {};
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

parentPort?.on('message', (request: Request) => {
  parentPort?.postMessage(respond(request));
  if ('close' in request) parentPort?.close();
});
