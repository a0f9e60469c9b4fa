/**
 * A share whose files are stored by a web service (`rest-service.ts`): the ten calls of a store, each one or two requests.
 * Handles are ids, so a handle refers to the same node although it is renamed or deleted meanwhile.
 */
import {
  type Answer,
  checkName,
  type Entry,
  type Handle,
  isCode,
  isVfsCode,
  type Listing,
  type ListWant,
  type OpenHow,
  type RenameHow,
  type Stat,
  type Vfs,
  type VfsCode,
} from '@ring3/vfs';
import type { Node } from './rest-service.ts';

/** @param base the service's URL: `http://127.0.0.1:8080` */
export function restStore(base: string): Vfs {
  /** Names by id, for the open handles: a rename through one of them applies to all. */
  const names = new Map<number, { name: string; handles: number }>();

  async function request(method: string, path: string, init: RequestInit = {}): Promise<Response | VfsCode> {
    const response = await fetch(`${base}/nodes/${path}`, { method, ...init });
    if (response.ok) return response;
    const { code } = (await response.json()) as { code: unknown };
    return isVfsCode(code) ? code : 'EIO';
  }

  async function ask<T = Node>(method: string, path: string, body?: object): Promise<T | VfsCode> {
    const response = await request(method, path, body === undefined ? {} : { body: JSON.stringify(body) });
    return isCode(response) ? response : ((await response.json()) as T);
  }

  const done = async (answer: Promise<unknown>): Promise<undefined | VfsCode> => {
    const result = await answer;
    return isVfsCode(result) ? result : undefined;
  };

  function opened(node: Node): Handle {
    const known = names.get(node.id) ?? { name: node.name, handles: 0 };
    known.handles++;
    names.set(node.id, known);
    const { id, kind } = node;
    const noData = kind === 'folder' ? ('EISDIR' as const) : undefined;
    return {
      fileId: `${id}`,
      kind,
      get name() {
        return known.name;
      },
      stat: async () => {
        const found = await ask('GET', `${id}`);
        return isCode(found) ? found : describe(found);
      },
      read: (target, offset) => noData ?? (target.length === 0 ? 0 : read(id, target, offset)),
      write: (chunks, offset) => noData ?? write(id, chunks, offset),
      truncate: (size) => noData ?? done(ask('PATCH', `${id}`, { size })),
      list: (cursor, want) => (kind === 'file' ? 'ENOTDIR' : list(id, Number(cursor ?? 0), want)),
      rename: (dir, name, how) => (dir.kind === 'file' ? 'ENOTDIR' : (checkName(name) ?? rename(id, dir, name, how))),
      unlink: () => done(ask('DELETE', `${id}`)),
      close: () => {
        if (--known.handles === 0) names.delete(id);
      },
    };
  }

  async function read(id: number, target: Uint8Array, offset: number): Promise<number | VfsCode> {
    const response = await request('GET', `${id}/data`, { headers: { range: `bytes=${offset}-${offset + target.length - 1}` } });
    if (isCode(response)) return response;
    const bytes = new Uint8Array(await response.arrayBuffer());
    target.set(bytes);
    return bytes.length;
  }

  async function write(id: number, chunks: readonly Uint8Array[], offset: number): Promise<number | VfsCode> {
    const body = new Blob(chunks as Uint8Array<ArrayBuffer>[]);
    if (body.size === 0) return 0;
    const response = await request('PUT', `${id}/data?offset=${offset}`, { body });
    if (isCode(response)) return response;
    await response.arrayBuffer();
    return body.size;
  }

  async function list(id: number, after: number, { limit, stat, match }: ListWant): Promise<Listing | VfsCode> {
    for (;;) {
      const nodes = await ask<Node[]>('GET', `${id}/children?after=${after}&limit=${limit}`);
      if (isCode(nodes)) return nodes;
      const wanted = nodes.filter(({ name }) => match?.(name) ?? true);
      const entries = wanted.map((node): Entry => ({ name: node.name, kind: node.kind, ...(stat && { stat: describe(node) }) }));
      if (nodes.length < limit) return { entries };
      after = nodes.at(-1)!.id;
      if (entries.length > 0) return { entries, cursor: after };
    }
  }

  async function rename(id: number, dir: Handle, name: string, how: RenameHow = {}): Promise<undefined | VfsCode> {
    const moved = await ask('PATCH', `${id}`, {
      parent: Number(dir.fileId),
      name,
      replace: how.replace,
      replaceFolder: how.replaceDirectory,
    });
    if (isCode(moved)) return moved;
    const known = names.get(id);
    if (known !== undefined) known.name = moved.name;
    return undefined;
  }

  async function open(dir: Handle, name: string, how: OpenHow): Promise<Handle | VfsCode> {
    if (how.disposition === 'create') {
      if (how.kind === 'any') return 'EINVAL';
      if (how.kind === 'link') return 'EOPNOTSUPP';
      const made = await ask('POST', `${dir.fileId}/children`, { name, kind: how.kind });
      return isCode(made) ? made : opened(made);
    }
    const found = await ask('GET', `${dir.fileId}/children/${encodeURIComponent(JSON.stringify(name))}`); // JSON also writes half of a surrogate pair
    if (isCode(found)) return found;
    if (how.kind === 'any' || how.kind === found.kind) return opened(found);
    return how.kind === 'link' ? 'EINVAL' : how.kind === 'file' ? 'EISDIR' : 'ENOTDIR';
  }

  return {
    features: new Set(['stableIds']),
    root: async () => {
      const root = await ask('GET', '1');
      return isCode(root) ? root : opened(root);
    },
    open: (dir, name, how): Answer<Handle> => (dir.kind === 'file' ? 'ENOTDIR' : (checkName(name) ?? open(dir, name, how))),
  };
}

/** The service's node as a store returns it: times in nanoseconds. */
function describe({ id, parent, kind, size, created, modified }: Node): Stat {
  const [birth, changed] = [BigInt(created) * 1_000_000n, BigInt(modified) * 1_000_000n];
  const links = parent === undefined && id !== 1 ? 0 : 1;
  return { kind, fileId: `${id}`, id64: BigInt(id), size, allocated: size, links, birth, modified: changed, changed, accessed: changed };
}
