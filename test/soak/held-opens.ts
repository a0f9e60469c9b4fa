import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { Connection, connectTcp, type Open, SmbClientError, type TreeConnect } from '@ring3/smb-client';
import {
  Capabilities,
  CreateContextName,
  CreateDisposition,
  Dialect,
  DurableHandleFlags,
  DurableHandleReconnectV2,
  DurableHandleRequestV2,
  DurableHandleResponseV2,
  FileInformationClass,
  FileRenameInformation,
  InfoType,
  LockFlags,
  NtStatus,
  StatusError,
} from '@ring3/smb-proto';
import { Frame } from '@ring3/wire';

const all = 0x001f01ff; // FILE_ALL_ACCESS, MS-SMB2 2.2.13.1.1
const maxOpens = 5;
/** Each slot has its own byte range of a file, and its own place in the sequence of LOCKs. */
const slots = 8;
const slotBytes = 16;
const exclusive = LockFlags.ExclusiveLock | LockFlags.FailImmediately;

/** A file that the client has open, as the server has acknowledged it. */
interface Held {
  readonly createGuid: Uint8Array;
  name: string;
  open: Open | undefined;
  readonly locked: Set<number>;
  readonly data: (string | undefined)[];
  /** The number of the last LOCK of each slot. */
  readonly numbers: number[];
  deletePending: boolean;
}

/** A request without a response: what the client does again after it has its opens back. */
interface Unanswered {
  readonly held: Held;
  readonly what: 'create' | 'close' | 'other';
  again(open: Open): Promise<void>;
}

const number = (below: number): number => Math.floor(Math.random() * below);
const pick = <T>(of: readonly T[]): T => of[number(of.length)] as T;
const slotOf = (slot: number, flags: number) => [{ offset: BigInt(slot * slotBytes), length: BigInt(slotBytes), flags }];
const rename = (name: string): Buffer => {
  const { head, rest } = FileRenameInformation.encode({ replaceIfExists: 0, rootDirectory: 0n, fileName: name });
  return Buffer.concat([head, ...rest]);
};

interface Declaration<T> {
  readonly byteLength: number;
  write(frame: Frame, at: number, value: T): void;
}
function context<T>(name: string, declaration: Declaration<T>, value: T): { name: string; data: Uint8Array } {
  const frame = Frame.alloc(declaration.byteLength);
  declaration.write(frame, 0, value);
  return { name, data: frame.bytes };
}

/** Connects to the share of the server on a port. */
export async function connectTo(port: number, clientGuid: Uint8Array, dialect: Dialect = Dialect.Smb311): Promise<TreeConnect> {
  const capabilities = Capabilities.LargeMtu | Capabilities.PersistentHandles;
  const connection = await Connection.open(await connectTcp(port), { clientGuid, capabilities, dialects: [dialect] });
  return (await connection.logon({ user: 'tester', password: 'secret' })).connect('share');
}

/**
 * A client with persistent opens on a share with continuous availability: it creates, writes, locks, unlocks, renames, deletes and closes, and
 * knows what the server has acknowledged. After the server was killed it gets its opens again, and compares.
 */
export class HeldOpens {
  readonly clientGuid: Uint8Array = new Uint8Array(randomBytes(16));
  readonly faults: string[] = [];
  /** Acknowledged requests. */
  requests = 0;
  reconnects = 0;
  readonly #name: string;
  #held: Held[] = [];
  #unanswered: Unanswered | undefined;
  #next = 0;

  /** @param name the start of its files' names */
  constructor(name: string) {
    this.#name = name;
  }

  /** The opens that the server has acknowledged. */
  get size(): number {
    return this.#held.length;
  }

  /** A file that it holds, if the server must have it open. */
  get someFile(): string | undefined {
    const certain = this.#held.filter((held) => held !== this.#unanswered?.held);
    return certain.length === 0 ? undefined : pick(certain).name;
  }

  /**
   * Sends requests one after the other until the connection is lost.
   * @param acknowledged called after each response
   * @throws StatusError for a failure that the model does not expect
   */
  async work(tree: TreeConnect, acknowledged: () => void): Promise<void> {
    try {
      for (;;) {
        await this.#step(tree);
        this.#unanswered = undefined;
        this.requests++;
        acknowledged();
      }
    } catch (error) {
      if (!(error instanceof SmbClientError)) throw error;
    }
  }

  #step(tree: TreeConnect): Promise<void> {
    if (this.#held.length === 0 || (this.#held.length < maxOpens && Math.random() < 0.2)) return this.create(tree);
    const held = pick(this.#held);
    const roll = Math.random();
    if (roll < 0.12) return this.#close(held);
    if (roll < 0.22) return this.#rename(held, `${this.#name}-${this.#next++}`);
    if (roll < 0.3) return this.#dispose(held, !held.deletePending);
    const slot = number(slots);
    if (roll < 0.6) return this.#write(held, slot, randomBytes(slotBytes / 2).toString('hex'));
    return this.#lock(held, slot, !held.locked.has(slot));
  }

  /** A request whose effect is the same if it is sent twice. */
  async #send(held: Held, request: (open: Open) => Promise<void>): Promise<void> {
    this.#unanswered = { held, what: 'other', again: request };
    if (held.open !== undefined) await request(held.open);
  }

  #write(held: Held, slot: number, text: string): Promise<void> {
    return this.#send(held, async (open) => {
      await open.write(slot * slotBytes, [Buffer.from(text)]);
      held.data[slot] = text;
    });
  }

  /** Locks or unlocks a slot. It is sent again with the same number, so it is executed once. */
  #lock(held: Held, slot: number, locks: boolean): Promise<void> {
    const sequence = ((held.numbers[slot] ?? 0) + 1) & 15;
    return this.#send(held, async (open) => {
      await open.lock(slotOf(slot, locks ? exclusive : LockFlags.Unlock), ((slot + 1) << 4) | sequence);
      held.numbers[slot] = sequence;
      if (locks) held.locked.add(slot);
      else held.locked.delete(slot);
    });
  }

  #rename(held: Held, name: string): Promise<void> {
    return this.#send(held, async (open) => {
      await open.setInfo(InfoType.File, FileInformationClass.Rename, rename(name));
      held.name = name;
    });
  }

  #dispose(held: Held, pending: boolean): Promise<void> {
    return this.#send(held, async (open) => {
      await open.setInfo(InfoType.File, FileInformationClass.Disposition, Buffer.from([Number(pending)]));
      held.deletePending = pending;
    });
  }

  /** Creates a file, and opens it for good. */
  async create(tree: TreeConnect): Promise<void> {
    const held: Held = {
      createGuid: new Uint8Array(randomBytes(16)),
      name: `${this.#name}-${this.#next++}`,
      open: undefined,
      locked: new Set(),
      data: [],
      numbers: [],
      deletePending: false,
    };
    this.#unanswered = { held, what: 'create', again: async () => {} };
    const { createGuid } = held;
    const request = context(CreateContextName.DurableHandleRequestV2, DurableHandleRequestV2, {
      timeout: 300_000,
      flags: DurableHandleFlags.Persistent,
      createGuid,
    });
    const open = await tree.create({
      name: held.name,
      desiredAccess: all,
      createDisposition: CreateDisposition.Create,
      createContexts: [request],
    });
    const granted = open.response.createContexts.find(({ name }) => name === CreateContextName.DurableHandleRequestV2);
    const flags = granted === undefined ? 0 : DurableHandleResponseV2.read(new Frame(granted.data), 0).flags;
    if ((flags & DurableHandleFlags.Persistent) === 0) this.faults.push(`${held.name} is not persistent`);
    held.open = open;
    this.#held.push(held);
  }

  async #close(held: Held): Promise<void> {
    this.#unanswered = { held, what: 'close', again: async (open) => void (await open.close()) };
    await held.open?.close();
    this.#held = this.#held.filter((other) => other !== held);
  }

  /** Gets the opens again, sends the request without a response again, and compares the data with what was acknowledged. */
  async reconnect(tree: TreeConnect): Promise<void> {
    this.reconnects++;
    const unanswered = this.#unanswered;
    this.#unanswered = undefined;
    const candidates = unanswered?.what === 'create' ? [...this.#held, unanswered.held] : [...this.#held];
    this.#held = [];
    for (const held of candidates) {
      const isUnsure = held === unanswered?.held && unanswered.what !== 'other';
      const open = await this.#again(tree, held);
      if (open === undefined) {
        if (!isUnsure) this.faults.push(`${held.name} is lost`);
        continue;
      }
      held.open = open;
      if (held === unanswered?.held && unanswered.what === 'close') {
        await open.close();
        continue;
      }
      this.#held.push(held);
      if (held === unanswered?.held) await unanswered.again(open);
      await this.#compare(held, open);
    }
  }

  async #again(tree: TreeConnect, { createGuid, open }: Held): Promise<Open | undefined> {
    const { persistentFileId, volatileFileId } = open?.response ?? { persistentFileId: 1, volatileFileId: 1 };
    const flags = DurableHandleFlags.Persistent;
    const createContexts = [
      context(CreateContextName.DurableHandleReconnectV2, DurableHandleReconnectV2, {
        persistentFileId,
        volatileFileId,
        createGuid,
        flags,
      }),
    ];
    try {
      return await tree.create({ name: '', createContexts });
    } catch (error) {
      if (error instanceof StatusError && error.status === NtStatus.ObjectNameNotFound) return undefined;
      throw error;
    }
  }

  async #compare(held: Held, open: Open): Promise<void> {
    for (let slot = 0; slot < slots; slot++) {
      const expected = held.data[slot];
      if (expected === undefined) continue;
      const read = Buffer.concat(await open.read(slot * slotBytes, slotBytes)).toString();
      if (read !== expected)
        this.faults.push(`${held.name} slot ${slot}: ${JSON.stringify(read)}, acknowledged was ${JSON.stringify(expected)}`);
    }
  }

  /** Compares the locks, and whether the file is delete-pending, as another client sees them. */
  async compareAs(other: TreeConnect): Promise<void> {
    for (const held of this.#held) {
      let open: Open;
      try {
        open = await other.create({ name: held.name, desiredAccess: 0x00120089 }); // FILE_GENERIC_READ
      } catch (error) {
        if (!(error instanceof StatusError)) throw error;
        const expected = held.deletePending ? NtStatus.DeletePending : NtStatus.Success;
        if (error.status !== expected) this.faults.push(`${held.name}: opened by another client with ${error.message}`);
        continue;
      }
      if (held.deletePending) this.faults.push(`${held.name} is not delete-pending any more`);
      for (let slot = 0; slot < slots; slot++) {
        const free = await open.lock(slotOf(slot, exclusive)).then(
          () => true,
          () => false,
        );
        if (free === held.locked.has(slot)) this.faults.push(`${held.name} slot ${slot} is ${free ? 'not locked' : 'locked'}`);
      }
      await open.close();
    }
  }

  /** Closes all opens. */
  async close(): Promise<void> {
    for (const { open } of this.#held.splice(0)) await open?.close();
  }
}
