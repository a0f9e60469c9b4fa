import { Buffer } from 'node:buffer';
import { readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { list, type Open, type TreeConnect } from '@ring3/smb-client';
import {
  AccessMask,
  CreateContextName,
  CreateDisposition,
  CreateOptions,
  encodeSymbolicLink,
  FileAttributes,
  FileBasicInformation,
  FileInformationClass,
  FileRenameInformation,
  Fsctl,
  fileStreams,
  InfoType,
  ReparseTag,
} from '@ring3/smb-proto';
import { Frame } from '@ring3/wire';

/** The expected state of one file or directory. */
interface Node {
  readonly kind: 'file' | 'directory' | 'link';
  data: string;
  eas: Record<string, string>;
  streams: Record<string, string>;
  /** FILE_ATTRIBUTE_HIDDEN and FILE_ATTRIBUTE_SYSTEM. */
  attributes: number;
  /** FILETIMEs as text, if a client set them and nothing has changed them since. */
  birth?: string;
  lastWrite?: string;
  /** Access mask of the second ACE, if a client set the descriptor. */
  mask?: number;
  target?: string;
}

/** A directory of the share that one client uses: names (paths below it) lead to nodes; two names of one node are hard links. */
interface State {
  names: Record<string, number>;
  nodes: Record<number, Node>;
}

/** A request without a response yet: the state of the directory after it. */
interface Pending {
  readonly what: string;
  readonly after: State;
  /** A documented state of a request in two steps, between them (docs/decisions/0130). */
  readonly between: State | undefined;
  /** The names whose state is undefined, because the request takes several steps. */
  readonly loose: readonly string[];
}

const all = 0x001f01ff; // FILE_ALL_ACCESS, MS-SMB2 2.2.13.1.1
const attributeMask = FileAttributes.Hidden | FileAttributes.System;
const everyone = Buffer.from('010100000000000100000000', 'hex'); // S-1-1-0
const maxNames = 14;

const pick = <T>(of: readonly T[]): T => of[Math.floor(Math.random() * of.length)] as T;
const number = (below: number): number => Math.floor(Math.random() * below);
/** Latin-1 text: short, or longer than the maximum of an extended attribute. */
const text = (): string => Buffer.alloc(pick([0, 1, 30, 500, 2040, 2049, 6000]), `${number(1e9)} `).toString('latin1');

/** A self-relative descriptor with full access for everyone, and a second entry that can be recognised. MS-DTYP 2.4.6. */
function descriptor(mask: number): Buffer {
  const ace = (access: number): Buffer => {
    const head = Buffer.from([0, 0, 20, 0, 0, 0, 0, 0]);
    head.writeUInt32LE(access, 4);
    return Buffer.concat([head, everyone]);
  };
  const head = Buffer.from('0100048000000000000000000000000014000000', 'hex');
  return Buffer.concat([head, Buffer.from([2, 0, 48, 0, 2, 0, 0, 0]), ace(all), ace(mask)]);
}

/** FILE_FULL_EA_INFORMATION, MS-FSCC 2.4.15. */
function fullEa(name: string, value: string): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt8(name.length, 5);
  head.writeUInt16LE(value.length, 6);
  return Buffer.concat([head, Buffer.from(`${name}\0${value}`, 'latin1')]);
}

function readEas(buffer: Uint8Array): Record<string, string> {
  const eas: Record<string, string> = {};
  const bytes = Buffer.from(buffer);
  for (let at = 0; at + 8 <= bytes.length; ) {
    const [name, value] = [bytes.readUInt8(at + 5), bytes.readUInt16LE(at + 6)];
    eas[bytes.toString('latin1', at + 8, at + 8 + name)] = bytes.toString('latin1', at + 9 + name, at + 9 + name + value);
    const next = bytes.readUInt32LE(at);
    if (next === 0) break;
    at += next;
  }
  return eas;
}

const targetOf = (replace: boolean, name: string): Uint8Array =>
  Buffer.concat(flat(FileRenameInformation.encode({ replaceIfExists: replace ? 1 : 0, rootDirectory: 0n, fileName: name })));
const flat = ({ head, rest }: { head: Uint8Array; rest: readonly Uint8Array[] }): Uint8Array[] => [head, ...rest];

const parentOf = (name: string): string => name.slice(0, Math.max(0, name.lastIndexOf('\\')));

/** A client that changes its own directory and records the acknowledged changes. */
export class Journal {
  readonly folder: string;
  /** Acknowledged changes. */
  changes = 0;
  readonly kinds = new Map<string, number>();
  #state: State = { names: {}, nodes: {} };
  #pending: Pending | undefined;
  #nextNode = 0;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** Creates the directory, which is not checked. */
  async begin(tree: TreeConnect): Promise<void> {
    const open = await tree.create({
      name: this.folder,
      createDisposition: CreateDisposition.OpenIf,
      createOptions: CreateOptions.DirectoryFile,
    });
    await open.close();
  }

  /** Makes one change after the other, until the connection is closed, which throws. */
  async work(tree: TreeConnect): Promise<never> {
    for (;;) await this.#step(tree);
  }

  /**
   * Compares the state of the server with the acknowledged changes.
   * @param root the served directory, on the host
   * @returns the differences, and whether the last request left an undefined state: then the directory is not used further
   */
  async check(tree: TreeConnect, root: string): Promise<{ readonly faults: string[]; readonly unknown: boolean }> {
    const found = await this.#observe(tree, root);
    const pending = this.#pending;
    this.#pending = undefined;
    const before = differences(this.#state, found, []);
    if (before.length === 0) return { faults: [], unknown: false };
    if (pending === undefined) return { faults: before, unknown: true };
    const after = differences(pending.after, found, []);
    if (after.length === 0) {
      this.#state = pending.after;
      return { faults: [], unknown: false };
    }
    if (pending.between !== undefined && differences(pending.between, found, []).length === 0) {
      this.#state = pending.between;
      return { faults: [], unknown: false };
    }
    if (pending.loose.length > 0 && differences(this.#state, found, pending.loose).length === 0) return { faults: [], unknown: true };
    return {
      faults: [
        `neither before nor after ${pending.what}`,
        ...before.map((it) => `  before: ${it}`),
        ...after.map((it) => `  after: ${it}`),
      ],
      unknown: true,
    };
  }

  /** The complete visible state of the directory. */
  async #observe(tree: TreeConnect, root: string): Promise<Map<string, Node>> {
    const found = new Map<string, Node>();
    const visit = async (folder: string): Promise<void> => {
      const at = folder === '' ? this.folder : `${this.folder}\\${folder}`;
      const entries = [];
      for await (const entry of list(tree, at)) entries.push(entry);
      for (const { fileName } of entries) {
        if (fileName === '.' || fileName === '..') continue;
        const name = folder === '' ? fileName : `${folder}\\${fileName}`;
        const node = await this.#look(tree, root, name);
        found.set(name, node);
        if (node.kind === 'directory') await visit(name);
      }
    };
    await visit('');
    return found;
  }

  async #look(tree: TreeConnect, root: string, name: string): Promise<Node> {
    const path = `${this.folder}\\${name}`;
    const open = await tree.create({ name: path, desiredAccess: all, createOptions: CreateOptions.OpenReparsePoint });
    try {
      const basic = FileBasicInformation.read(new Frame(await open.queryInfo(InfoType.File, FileInformationClass.Basic)), 0);
      const is = (bit: number): boolean => (basic.fileAttributes & bit) !== 0;
      const kind = is(FileAttributes.ReparsePoint) ? 'link' : is(FileAttributes.Directory) ? 'directory' : 'file';
      if (kind === 'link')
        return { kind, data: '', eas: {}, streams: {}, attributes: 0, target: readlinkSync(join(root, ...path.split('\\'))) };
      const data = kind === 'file' ? await contents(open) : '';
      const eas = await open.queryInfo(InfoType.File, FileInformationClass.FullEa).catch(() => new Uint8Array());
      const names = await open.queryInfo(InfoType.File, FileInformationClass.Stream);
      const streams: Record<string, string> = {};
      for (const { streamName } of names.length === 0 ? [] : fileStreams.read(new Frame(names), 0, names.length)) {
        if (streamName === '::$DATA') continue;
        const stream = await tree.create({ name: `${path}${streamName}` });
        streams[streamName.slice(1, streamName.lastIndexOf(':'))] = await contents(stream);
        await stream.close();
      }
      const dacl = Buffer.from(await open.queryInfo(InfoType.Security, 0, { additionalInformation: 4 }));
      const acl = dacl.readUInt32LE(16);
      const isOwn = dacl.readUInt16LE(acl + 4) === 2 && dacl.length >= acl + 48;
      return {
        kind,
        data,
        eas: readEas(eas),
        streams,
        attributes: basic.fileAttributes & attributeMask,
        birth: String(basic.creationTime),
        lastWrite: String(basic.lastWriteTime),
        mask: isOwn ? dacl.readUInt32LE(acl + 32) : -1,
      };
    } finally {
      await open.close();
    }
  }

  /** One change. It is acknowledged when `request` returns; the rest closes handles. */
  async #change(
    what: string,
    alter: (state: State) => void,
    request: () => Promise<unknown>,
    loose: readonly string[] = [],
    alterHalf?: (state: State) => void,
  ): Promise<void> {
    const altered = (how: (state: State) => void): State => {
      const state = structuredClone(this.#state);
      how(state);
      for (const id of Object.keys(state.nodes)) if (!Object.values(state.names).includes(Number(id))) delete state.nodes[Number(id)];
      return state;
    };
    const after = altered(alter);
    this.#pending = { what, after, between: alterHalf && altered(alterHalf), loose };
    await request();
    this.#state = after;
    this.#pending = undefined;
    this.changes++;
    const kind = what.split(' ')[0] as string;
    this.kinds.set(kind, (this.kinds.get(kind) ?? 0) + 1);
  }

  #names(...kinds: Node['kind'][]): string[] {
    const { names, nodes } = this.#state;
    return Object.keys(names).filter((name) => kinds.includes((nodes[names[name] as number] as Node).kind));
  }

  /** A name that is free, in the directory itself or in one below it. */
  #free(): string {
    const folder = pick(['', ...this.#names('directory').filter((name) => !name.includes('\\'))]);
    for (;;) {
      const name = `${folder === '' ? '' : `${folder}\\`}${pick(['n', 'ä', 'Name '])}${number(1e6)}`;
      if (!(name in this.#state.names)) return name;
    }
  }

  async #step(tree: TreeConnect): Promise<void> {
    const path = (name: string): string => `${this.folder}\\${name}`;
    const files = this.#names('file');
    const everything = Object.keys(this.#state.names);
    const node = (state: State, name: string): Node => state.nodes[state.names[name] as number] as Node;
    const touch = (state: State, name: string): void => void delete node(state, name).lastWrite;
    const opened = async (name: string, use: (open: Open) => Promise<unknown>, createOptions = 0): Promise<void> => {
      const open = await tree.create({ name: path(name), desiredAccess: all, createOptions });
      await use(open);
      await open.close();
    };
    const add = (state: State, name: string, made: Node): void => {
      const id = this.#nextNode++;
      state.nodes[id] = made;
      state.names[name] = id;
    };
    const fresh = (kind: Node['kind']): Node => ({ kind, data: '', eas: {}, streams: {}, attributes: 0 });
    const moved = (state: State, from: string, to: string): void => {
      for (const name of Object.keys(state.names)) {
        if (name !== from && !name.startsWith(`${from}\\`)) continue;
        state.names[to + name.slice(from.length)] = state.names[name] as number;
        delete state.names[name];
      }
    };
    const remove = async (name: string, loose: readonly string[] = []): Promise<void> => {
      const open = await tree.create({ name: path(name), desiredAccess: all, createOptions: CreateOptions.OpenReparsePoint });
      await this.#change(
        `delete ${name}`,
        (state) => void delete state.names[name],
        async () => {
          await open.setInfo(InfoType.File, FileInformationClass.Disposition, Buffer.from([1]));
          await open.close();
        },
        loose,
      );
    };
    if (everything.length >= maxNames) {
      const leaves = everything.filter((name) => !everything.some((other) => parentOf(other) === name));
      return remove(pick(leaves));
    }
    const kind = pick(files.length < 3 ? (['create', 'directory', 'createEa'] as const) : works);
    const file = pick(files);
    switch (kind) {
      case 'create': {
        const name = this.#free();
        let open: Open | undefined;
        await this.#change(
          `create ${name}`,
          (state) => add(state, name, fresh('file')),
          async () => {
            open = await tree.create({ name: path(name), desiredAccess: all, createDisposition: CreateDisposition.Create });
          },
        );
        const data = text();
        await this.#change(
          `write ${name}`,
          (state) => {
            node(state, name).data = data;
          },
          async () => data.length > 0 && open?.write(0, [Buffer.from(data, 'latin1')]),
        );
        return void (await open?.close());
      }
      case 'createEa': {
        const name = this.#free();
        const value = text().slice(0, 3000);
        if (value === '') return;
        const createContexts = [{ name: CreateContextName.EaBuffer, data: fullEa('FIRST', value) }];
        await this.#change(
          `createEa ${name}`,
          (state) => add(state, name, { ...fresh('file'), eas: { FIRST: value } }),
          async () => {
            const open = await tree.create({
              name: path(name),
              desiredAccess: all,
              createDisposition: CreateDisposition.Create,
              createContexts,
            });
            await open.close();
          },
          [name],
        );
        return;
      }
      case 'directory': {
        const name = this.#free();
        if (name.includes('\\')) return;
        await this.#change(
          `directory ${name}`,
          (state) => add(state, name, fresh('directory')),
          async () => (await tree.createDirectory(path(name))).close(),
        );
        return;
      }
      case 'write': {
        const data = text();
        const flush = number(4) === 0;
        return opened(file, async (open) => {
          await this.#change(
            `write ${file}`,
            (state) => {
              const it = node(state, file);
              it.data = data + it.data.slice(data.length);
              if (data.length > 0) touch(state, file);
            },
            async () => data.length > 0 && open.write(0, [Buffer.from(data, 'latin1')]),
          );
          if (flush) await open.flush();
        });
      }
      case 'size': {
        const size = number(5000);
        const buffer = Buffer.alloc(8);
        buffer.writeUInt32LE(size);
        return opened(file, (open) =>
          this.#change(
            `size ${file}`,
            (state) => {
              const it = node(state, file);
              it.data = it.data.slice(0, size).padEnd(size, '\0');
              touch(state, file);
            },
            () => open.setInfo(InfoType.File, FileInformationClass.EndOfFile, buffer),
          ),
        );
      }
      case 'ea': {
        const name = pick(['ONE', 'TWO']);
        const value = text();
        return opened(pick([file, ...this.#names('directory')]), (open) => {
          const at = open.name.slice(this.folder.length + 1);
          return this.#change(
            `ea ${at} ${name} ${value.length}`,
            (state) => {
              const { eas } = node(state, at);
              if (value === '') delete eas[name];
              else eas[name] = value;
            },
            () => open.setInfo(InfoType.File, FileInformationClass.FullEa, fullEa(name, value)),
          );
        });
      }
      case 'stream': {
        const name = pick(['one', 'two', 'three']);
        const data = text();
        const there = name in node(this.#state, file).streams;
        let open: Open | undefined;
        await this.#change(
          `streamOpen ${file}:${name} (${node(this.#state, file).streams[name]?.length})`,
          (state) => {
            node(state, file).streams[name] ??= '';
          },
          async () => {
            open = await tree.create({ name: `${path(file)}:${name}`, desiredAccess: all, createDisposition: CreateDisposition.OpenIf });
          },
        );
        if (data.length > 0 && (!there || number(2) === 0)) {
          await this.#change(
            `streamWrite ${file}:${name} ${data.length}`,
            (state) => {
              const it = node(state, file);
              it.streams[name] = data + (it.streams[name] ?? '').slice(data.length);
              touch(state, file);
            },
            async () => open?.write(0, [Buffer.from(data, 'latin1')]),
          );
          if (number(4) === 0) await open?.flush();
        }
        return void (await open?.close());
      }
      case 'streamRename': {
        const from = pick(Object.keys(node(this.#state, file).streams));
        const to = pick(['one', 'two', 'three']);
        if (from === undefined || from === to) return;
        const replaces = to in node(this.#state, file).streams;
        const open = await tree.create({ name: `${path(file)}:${from}`, desiredAccess: all });
        await this.#change(
          `streamRename ${file}:${from} ${to}`,
          (state) => {
            const { streams } = node(state, file);
            streams[to] = streams[from] as string;
            delete streams[from];
          },
          () => open.setInfo(InfoType.File, FileInformationClass.Rename, targetOf(replaces, `:${to}:$DATA`)),
        );
        return void (await open.close());
      }
      case 'streamFromData': {
        const to = pick(['one', 'two', 'three']);
        const both = (state: State): Node => {
          const it = node(state, file);
          it.streams[to] = it.data;
          touch(state, file);
          return it;
        };
        return opened(file, (open) =>
          this.#change(
            `streamFromData ${file}:${to}`,
            (state) => {
              both(state).data = '';
            },
            () => open.setInfo(InfoType.File, FileInformationClass.Rename, targetOf(true, `:${to}:$DATA`)),
            [],
            both,
          ),
        );
      }
      case 'dataFromStream': {
        const from = pick(Object.keys(node(this.#state, file).streams));
        if (from === undefined) return;
        const both = (state: State): Node => {
          const it = node(state, file);
          it.data = it.streams[from] as string;
          touch(state, file);
          return it;
        };
        const open = await tree.create({ name: `${path(file)}:${from}`, desiredAccess: all });
        await this.#change(
          `dataFromStream ${file}:${from}`,
          (state) => void delete both(state).streams[from],
          () => open.setInfo(InfoType.File, FileInformationClass.Rename, targetOf(true, '::$DATA')),
          [],
          both,
        );
        return void (await open.close());
      }
      case 'streamDelete': {
        const name = pick(Object.keys(node(this.#state, file).streams));
        if (name === undefined) return;
        const open = await tree.create({ name: `${path(file)}:${name}`, desiredAccess: all, createOptions: CreateOptions.DeleteOnClose });
        return this.#change(
          `streamDelete ${file}:${name}`,
          (state) => void delete node(state, file).streams[name],
          () => open.close(),
        );
      }
      case 'rename': {
        const from = pick(everything);
        const isDirectory = node(this.#state, from).kind === 'directory';
        const to = this.#free();
        if (isDirectory && to.includes('\\')) return;
        return opened(
          from,
          (open) =>
            this.#change(
              `rename ${from} ${to}`,
              (state) => moved(state, from, to),
              () => open.setInfo(InfoType.File, FileInformationClass.Rename, targetOf(false, path(to))),
            ),
          CreateOptions.OpenReparsePoint,
        );
      }
      case 'replace': {
        const other = pick(files);
        if (other === file || this.#state.names[other] === this.#state.names[file]) return;
        return opened(file, (open) =>
          this.#change(
            `replace ${file} ${other}`,
            (state) => moved(state, file, other),
            () => open.setInfo(InfoType.File, FileInformationClass.Rename, targetOf(true, path(other))),
          ),
        );
      }
      case 'hardLink': {
        const to = this.#free();
        return opened(file, (open) =>
          this.#change(
            `hardLink ${file} ${to}`,
            (state) => {
              state.names[to] = state.names[file] as number;
            },
            () => open.setInfo(InfoType.File, FileInformationClass.Link, targetOf(false, path(to))),
          ),
        );
      }
      case 'linkOver': {
        const other = pick(files);
        if (this.#state.names[other] === this.#state.names[file]) return;
        return opened(file, (open) =>
          this.#change(
            `linkOver ${file} ${other}`,
            (state) => {
              state.names[other] = state.names[file] as number;
            },
            () => open.setInfo(InfoType.File, FileInformationClass.Link, targetOf(true, path(other))),
          ),
        );
      }
      case 'symbolicLink': {
        const name = this.#free();
        const kind = name.includes('\\') ? 'file' : pick(['file', 'directory'] as const);
        await this.#change(
          `create ${name}`,
          (state) => add(state, name, fresh(kind)),
          async () => {
            const createOptions = kind === 'file' ? 0 : CreateOptions.DirectoryFile;
            await (await tree.create({ name: path(name), createDisposition: CreateDisposition.Create, createOptions })).close();
          },
        );
        const target = `t${number(100)}`;
        return opened(name, (open) =>
          this.#change(
            `symbolicLink ${name}`,
            (state) => add(state, name, { ...fresh('link'), target }),
            () => open.ioctl(Fsctl.SetReparsePoint, encodeSymbolicLink({ substituteName: target, printName: target, relative: true })),
          ),
        );
      }
      case 'noLink': {
        const name = pick(this.#names('link'));
        if (name === undefined) return;
        const reparsePoint = Buffer.alloc(8);
        reparsePoint.writeUInt32LE(ReparseTag.Symlink);
        return opened(
          name,
          (open) =>
            this.#change(
              `noLink ${name}`,
              (state) => add(state, name, fresh('file')),
              () => open.ioctl(Fsctl.DeleteReparsePoint, reparsePoint),
            ),
          CreateOptions.OpenReparsePoint,
        );
      }
      case 'attributes': {
        const attributes = pick([FileAttributes.Hidden, FileAttributes.System, FileAttributes.Normal]);
        const time = BigInt(133_000_000_000_000_000 + number(1e9) * 1000);
        const frame = Frame.alloc(FileBasicInformation.byteLength);
        FileBasicInformation.write(frame, 0, {
          creationTime: time,
          lastAccessTime: 0n,
          lastWriteTime: time + 10_000_000n,
          changeTime: 0n,
          fileAttributes: attributes,
        });
        return opened(pick([file, ...this.#names('directory')]), (open) => {
          const at = open.name.slice(this.folder.length + 1);
          return this.#change(
            `attributes ${at}`,
            (state) => {
              const it = node(state, at);
              it.attributes = attributes & attributeMask;
              it.birth = String(time);
              if (it.kind === 'file') it.lastWrite = String(time + 10_000_000n);
            },
            () => open.setInfo(InfoType.File, FileInformationClass.Basic, frame.bytes),
            [at],
          );
        });
      }
      case 'security': {
        const mask = AccessMask.FileReadData | number(64);
        return opened(pick([file, ...this.#names('directory')]), (open) => {
          const at = open.name.slice(this.folder.length + 1);
          return this.#change(
            `security ${at}`,
            (state) => {
              node(state, at).mask = mask;
            },
            () => open.setInfo(InfoType.Security, 0, descriptor(mask), 4),
          );
        });
      }
      case 'delete': {
        const leaves = everything.filter((name) => !everything.some((other) => parentOf(other) === name));
        return remove(pick(leaves));
      }
    }
  }
}

const works = [
  'create',
  'createEa',
  'directory',
  'write',
  'write',
  'size',
  'ea',
  'ea',
  'stream',
  'stream',
  'stream',
  'streamRename',
  'streamFromData',
  'dataFromStream',
  'streamDelete',
  'rename',
  'replace',
  'hardLink',
  'linkOver',
  'symbolicLink',
  'symbolicLink',
  'noLink',
  'attributes',
  'security',
  'delete',
] as const;

async function contents(open: Open): Promise<string> {
  return Buffer.concat(await open.read(0, 65536)).toString('latin1');
}

const short = (value: string): string => (value.length <= 24 ? value : `${value.slice(0, 20)}…(${value.length})`);

/** The differences between the expected and the actual state. */
function differences(state: State, found: ReadonlyMap<string, Node>, except: readonly string[]): string[] {
  const lines: string[] = [];
  for (const name of found.keys()) if (!(name in state.names) && !except.includes(name)) lines.push(`${name}: is there`);
  for (const [name, id] of Object.entries(state.names)) {
    if (except.includes(name)) continue;
    const [wanted, there] = [state.nodes[id] as Node, found.get(name)];
    if (there === undefined) {
      lines.push(`${name}: is not there`);
      continue;
    }
    const compare = (what: string, a: string | number | undefined, b: string | number | undefined): void => {
      if (a !== undefined && a !== b) lines.push(`${name}: ${what} is ${short(String(b))} instead of ${short(String(a))}`);
    };
    const compareAll = (what: string, a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): void => {
      for (const key of new Set([...Object.keys(a), ...Object.keys(b)]))
        compare(`${what} ${key}`, a[key] ?? 'missing', b[key] ?? 'missing');
    };
    compare('kind', wanted.kind, there.kind);
    compare('data', wanted.data, there.data);
    compareAll('attribute', wanted.eas, there.eas);
    compareAll('stream', wanted.streams, there.streams);
    compare('attributes', wanted.attributes, there.attributes);
    compare('creation time', wanted.birth, there.birth);
    compare('time of the last write', wanted.lastWrite, there.lastWrite);
    compare('access mask', wanted.mask, there.mask);
    compare('target', wanted.target, there.target);
  }
  return lines;
}
