import assert from 'node:assert/strict';
import type { Answer, Entry, Feature, Handle, Identity, Kind, OpenHow, StreamHow, Vfs } from '../vfs.ts';
import { isCode, type VfsCode } from '../vfs-error.ts';

/** The identity that the contract uses. */
export const tester: Identity = { name: 'tester', sid: 'S-1-5-21-1-2-3-1001', groups: [], guest: false };

/** Returns the result; a code fails the test. */
export async function ok<T>(answer: Answer<T>, what = 'the call'): Promise<T> {
  const result = await answer;
  if (isCode(result)) assert.fail(`${what} answers ${result}`);
  return result;
}

/** Asserts that the result is one of the codes. */
export async function refuses(answer: Answer<unknown>, ...codes: readonly VfsCode[]): Promise<void> {
  const result = await answer;
  assert.ok(isCode(result), `refused with ${codes.join(' or ')}, not done`);
  assert.ok(codes.includes(result), `${result} where ${codes.join(' or ')} is due`);
}

/** A method that a feature requires. */
export function must<T>(call: T | undefined, name: string): T {
  assert.ok(call !== undefined, `the feature promises ${name}`);
  return call;
}

/** A new store with the handles that a test opens; `close` closes them all. */
export class Bench {
  readonly vfs: Vfs;
  readonly root: Handle;
  readonly #opened: Handle[] = [];

  constructor(vfs: Vfs, root: Handle) {
    this.vfs = vfs;
    this.root = root;
    this.#opened.push(root);
  }

  /** Opens an existing entry; default: of any kind, with full access. */
  async open(name: string, how: Partial<OpenHow> = {}, dir = this.root): Promise<Handle> {
    const kind = how.kind ?? 'any';
    const access = how.access ?? (kind === 'folder' || kind === 'link' ? 'read' : 'readWrite');
    return this.keep(await ok(this.vfs.open(dir, name, { disposition: 'open', ...how, access, kind }, tester), `open of ${name}`));
  }

  /** Tries to open. */
  tryOpen(name: string, how: Partial<OpenHow> = {}, dir = this.root): Answer<Handle> {
    return this.vfs.open(dir, name, { access: 'metadata', kind: 'any', disposition: 'open', ...how }, tester);
  }

  /** Tries to create. */
  tryCreate(name: string, kind: Kind = 'file', dir = this.root, more: Partial<OpenHow> = {}): Answer<Handle> {
    return this.vfs.open(dir, name, { access: kind === 'file' ? 'readWrite' : 'read', kind, disposition: 'create', ...more }, tester);
  }

  /** A new file with this content. */
  async file(name: string, content: string | Uint8Array = '', dir = this.root, more: Partial<OpenHow> = {}): Promise<Handle> {
    const handle = this.keep(await ok(this.tryCreate(name, 'file', dir, more), `create of ${name}`));
    const bytes = Buffer.from(content);
    if (bytes.length > 0) assert.equal(await ok(handle.write([bytes], 0)), bytes.length);
    return handle;
  }

  async folder(name: string, dir = this.root, more: Partial<OpenHow> = {}): Promise<Handle> {
    return this.keep(await ok(this.tryCreate(name, 'folder', dir, more), `create of ${name}`));
  }

  async link(name: string, target: string, dir = this.root): Promise<Handle> {
    return this.keep(await ok(this.tryCreate(name, 'link', dir, { target, access: 'metadata' }), `link ${name}`));
  }

  async stream(file: Handle, name: string, content = '', how: StreamHow = { access: 'readWrite', disposition: 'create' }): Promise<Handle> {
    const handle = this.keep(await ok(must(file.openStream, 'openStream').call(file, name, how)));
    if (content !== '') await ok(handle.write([Buffer.from(content)], 0));
    return handle;
  }

  /** Closes the handle at the end. */
  keep(handle: Handle): Handle {
    this.#opened.push(handle);
    return handle;
  }

  async close(): Promise<void> {
    for (const handle of this.#opened.reverse()) await handle.close();
    await this.vfs.close?.();
  }
}

/** All of the data. */
export async function content(handle: Handle): Promise<Buffer> {
  const { size } = await ok(handle.stat());
  const bytes = Buffer.alloc(size + 1, 0xee);
  const length = await ok(handle.read(bytes, 0));
  assert.equal(length, size, 'a read stops at the size that stat tells');
  return bytes.subarray(0, length);
}

/** All of the data, as text. */
export const text = async (handle: Handle): Promise<string> => (await content(handle)).toString();

/** All entries, read in parts of the given size. */
export async function entries(dir: Handle, limit = 100, stat = false): Promise<Entry[]> {
  const all: Entry[] = [];
  for (let cursor: number | bigint | string | undefined, parts = 0; ; parts++) {
    const part = await ok(dir.list(cursor, { limit, stat }));
    assert.ok(part.entries.length <= limit, 'no more entries than asked for');
    all.push(...part.entries);
    cursor = part.cursor;
    if (cursor === undefined) return all;
    assert.ok(part.entries.length > 0, 'a part is empty only at the end');
    assert.ok(parts < 100_000, 'the listing ends');
  }
}

/** All names, sorted. */
export const names = async (dir: Handle): Promise<string[]> => (await entries(dir)).map(({ name }) => name).sort();

/** Whether a store has a feature; used for `needs` of a test. */
export const lacks = (vfs: Vfs, needs: readonly Feature[]): Feature | undefined => needs.find((feature) => !vfs.features.has(feature));

/** Declares one test of the contract: its title, the features that it needs, and its body, which gets a new store. */
export type Declare = (title: string, needs: readonly Feature[], body: (bench: Bench) => Promise<void>) => void;
