/**
 * A small web service that stores documents in folders: every node has a permanent id, by which it is requested.
 * It represents the service that `rest-store.ts` uses, and contains no code of file servers.
 *
 *     GET    /nodes/ID                         the node: { id, parent, name, kind, size, created, modified }
 *     GET    /nodes/ID/children?after=ID&limit=N   nodes in a folder, in the order of their ids
 *     GET    /nodes/ID/children/NAME           the node of that name, in any case; NAME is a JSON string
 *     POST   /nodes/ID/children                { name, kind } creates one
 *     PATCH  /nodes/ID                         { parent, name, replace, replaceFolder } or { size }
 *     DELETE /nodes/ID                         moves it to the bin
 *     GET    /nodes/ID/data                    with a Range header
 *     PUT    /nodes/ID/data?offset=N           writes at N
 *
 * A failure is 4xx with { code }. The root is node 1.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { buffer, json } from 'node:stream/consumers';
import { foldName } from '@ring3/vfs';

/** A change of a node's place. `replace`: in place of a document of that name; `replaceFolder`: a folder in place of an empty one. */
interface Move {
  readonly parent: number;
  readonly name: string;
  readonly replace?: boolean;
  readonly replaceFolder?: boolean;
}

/** A document or folder, as the service returns it. Times: ms since 1970. `parent` is missing for the root and in the bin. */
export interface Node {
  readonly id: number;
  parent?: number;
  name: string;
  readonly kind: 'file' | 'folder';
  size: number;
  readonly created: number;
  modified: number;
}

class Failure extends Error {
  readonly code: string;
  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

const sizeLimit = 2 ** 24;

/** Creates an empty service; the caller listens. */
export function createDocumentService(): Server {
  const nodes = new Map<number, Node>();
  const data = new Map<number, Buffer>();
  const make = (kind: Node['kind'], name: string, parent?: number): Node => {
    const now = Date.now();
    const node: Node = { id: nodes.size + 1, ...(parent !== undefined && { parent }), name, kind, size: 0, created: now, modified: now };
    nodes.set(node.id, node);
    return node;
  };
  make('folder', '');

  const node = (id: string): Node => nodes.get(Number(id)) ?? fail('ENOENT');
  const children = (parent: Node): Node[] => [...nodes.values()].filter((child) => child.parent === parent.id);
  const named = (parent: Node, name: string): Node | undefined => children(parent).find((child) => foldName(child.name) === foldName(name));
  const folder = (id: string): Node => {
    const found = node(id);
    if (found.id !== 1 && found.parent === undefined) fail('ENOENT');
    return found;
  };
  const free = (parent: Node, name: string): string =>
    name.length > 255 ? fail('ENAMETOOLONG') : named(parent, name) ? fail('EEXIST') : name;

  function move(moved: Node, to: Move): void {
    const parent = folder(`${to.parent}`);
    if (moved.id === 1) fail('EINVAL');
    if (moved.parent === undefined) fail('ENOENT');
    if (to.name.length > 255) fail('ENAMETOOLONG');
    for (let at: Node | undefined = parent; at !== undefined; at = nodes.get(at.parent ?? 0)) if (at === moved) fail('EINVAL');
    const taken = named(parent, to.name);
    if (taken !== undefined && taken !== moved) {
      if (!to.replace) fail('EEXIST');
      if (taken.kind === 'folder' && (moved.kind === 'file' || !to.replaceFolder)) fail('EISDIR');
      if (taken.kind === 'file' && moved.kind === 'folder') fail('ENOTDIR');
      if (children(taken).length > 0) fail('ENOTEMPTY');
      delete taken.parent;
    }
    moved.parent = parent.id;
    moved.name = to.name;
  }

  function resize(file: Node, size: number): Buffer {
    if (size > sizeLimit) fail('EFBIG');
    const old = data.get(file.id) ?? Buffer.alloc(0);
    const bytes = old.length === size ? old : Buffer.concat([old.subarray(0, size)], size);
    data.set(file.id, bytes);
    file.size = size;
    file.modified = Date.now();
    return bytes;
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<unknown> {
    const url = new URL(request.url ?? '/', 'http://service');
    const [, , id = '', part, name] = url.pathname.split('/').map(decodeURIComponent);
    switch (`${request.method} ${part ?? ''}${name === undefined ? '' : '/NAME'}`) {
      case 'GET ':
        return node(id);
      case 'GET children': {
        const after = Number(url.searchParams.get('after') ?? 0);
        return children(node(id))
          .filter((child) => child.id > after)
          .slice(0, Number(url.searchParams.get('limit') ?? 100));
      }
      case 'GET children/NAME':
        return named(folder(id), JSON.parse(name!)) ?? fail('ENOENT');
      case 'POST children': {
        const made = (await json(request)) as { name: string; kind: Node['kind'] };
        return make(made.kind, free(folder(id), made.name), Number(id));
      }
      case 'PATCH ': {
        const change = (await json(request)) as Move | { size: number };
        if ('size' in change) resize(node(id), change.size);
        else move(node(id), change);
        return node(id);
      }
      case 'DELETE ': {
        const gone = node(id);
        if (gone.id === 1) fail('EBUSY');
        if (gone.parent === undefined) fail('ENOENT');
        if (children(gone).length > 0) fail('ENOTEMPTY');
        delete gone.parent;
        return gone;
      }
      case 'GET data': {
        const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? fail('EINVAL');
        const bytes = (data.get(node(id).id) ?? Buffer.alloc(0)).subarray(Number(from), Number(to) + 1);
        response.writeHead(206).end(bytes);
        return undefined;
      }
      case 'PUT data': {
        const bytes = await buffer(request);
        const offset = Number(url.searchParams.get('offset'));
        const file = node(id);
        bytes.copy(resize(file, Math.max(file.size, offset + bytes.length)), offset);
        return file;
      }
      default:
        return fail('EOPNOTSUPP');
    }
  }

  return createServer((request, response) => {
    answer(request, response).then(
      (result) => result === undefined || response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(result)),
      (error) => response.writeHead(409).end(JSON.stringify({ code: error instanceof Failure ? error.code : 'EIO' })),
    );
  });
}

function fail(code: string): never {
  throw new Failure(code);
}
