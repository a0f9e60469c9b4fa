import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';

/** A server, and the directory that it shares. */
export interface Served<S extends AsyncDisposable> {
  readonly folder: string;
  readonly server: S;
}

/**
 * Starts a server on a new directory before the tests of the surrounding `describe`, and ends it and deletes the directory after them.
 * @returns getters, for use in those tests
 */
export function served<S extends AsyncDisposable>(start: (folder: string) => Promise<S>): Served<S> {
  let folder: string | undefined;
  let server: S | undefined;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'ring3-served-'));
    server = await start(folder);
  });
  after(async () => {
    await server?.[Symbol.asyncDispose]();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });
  const started = <T>(value: T | undefined): T => {
    if (value === undefined) throw new Error('the server is not started before the tests');
    return value;
  };
  return {
    get folder() {
      return started(folder);
    },
    get server() {
      return started(server);
    },
  };
}
