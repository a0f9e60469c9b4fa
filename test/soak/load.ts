import { setTimeout as sleep } from 'node:timers/promises';
import { Connection, type ConnectionOptions, connectTcp, list, type TreeConnect } from '@ring3/smb-client';
import {
  CompletionFilter,
  CreateDisposition,
  CreateOptions,
  Dialect,
  fileGenericRead,
  fileGenericWrite,
  LockFlags,
  OplockLevel,
} from '@ring3/smb-proto';

const accessDelete = 0x00010000; // DELETE, MS-SMB2 2.2.13.1.1
const mebibyte = 1 << 20;
const everything = Object.values(CompletionFilter).reduce((sum, bit) => sum | bit, 0);
const dialects = Object.values(Dialect).filter((dialect) => dialect <= Dialect.Smb311);

/** The actions of one client on its share, repeated; it reports each response. */
type Work = (tree: TreeConnect, did: () => void, id: number) => Promise<void>;

const works: Readonly<Record<string, Work>> = {
  /** Eight pending reads of a mebibyte at any time. */
  reads: async (tree, did) => {
    const open = await tree.create({ name: 'big', desiredAccess: fileGenericRead });
    await Promise.all(
      Array.from({ length: 8 }, async (_, i) => {
        for (let turn = 0; turn < 20; turn++) {
          await open.read(((turn * 8 + i) % 16) * mebibyte, mebibyte);
          did();
        }
      }),
    );
    await open.close();
  },
  writes: async (tree, did, id) => {
    const open = await tree.create({ name: `written-${id}`, createDisposition: CreateDisposition.OverwriteIf });
    const data = [Buffer.alloc(mebibyte / 4, id)];
    for (let turn = 0; turn < 20; turn++) {
      await Promise.all(Array.from({ length: 4 }, (_, i) => open.write(i * 262_144, data)));
      await open.flush();
      did();
    }
    await open.close();
  },
  /** Several of these wait for each other's lock. */
  locks: async (tree, did) => {
    const open = await tree.create({ name: 'locked', createDisposition: CreateDisposition.OpenIf });
    for (let turn = 0; turn < 20; turn++) {
      await open.lock([{ offset: 0n, length: 10n, flags: LockFlags.ExclusiveLock }]);
      did();
      await sleep(2);
      await open.lock([{ offset: 0n, length: 10n, flags: LockFlags.Unlock }]);
    }
    await open.close();
  },
  /** Is notified of the others' changes in the whole share. */
  watches: async (tree, did) => {
    const open = await tree.create({ name: '', desiredAccess: fileGenericRead, createOptions: CreateOptions.DirectoryFile });
    for (let turn = 0; turn < 20; turn++) {
      await open.changeNotify(everything, 1).reply;
      did();
    }
    await open.close();
  },
  lists: async (tree, did) => {
    let names = 0;
    for await (const _ of list(tree, 'many')) names++;
    if (names < 300) throw new Error(`a directory of 300 has ${names}`);
    did();
  },
  /** Creates files, replaces by rename, and leaves half of them open. */
  makes: async (tree, did, id) => {
    for (let turn = 0; turn < 50; turn++) {
      const open = await tree.create({
        name: `made-${id}-${turn % 10}`,
        createDisposition: CreateDisposition.OpenIf,
        desiredAccess: fileGenericRead | fileGenericWrite | accessDelete,
        createOptions: CreateOptions.DeleteOnClose,
      });
      did();
      if (turn % 2 === 0) await open.close();
    }
  },
  /** Holds a batch oplock on its own file, and opens the file of another one: the break is not acknowledged, and the open waits for it. */
  oplocks: async (tree, did, id) => {
    const fields = { createDisposition: CreateDisposition.OpenIf, requestedOplockLevel: OplockLevel.Batch } as const;
    await tree.create({ ...fields, name: `held-${id}` });
    did();
    await tree.create({ ...fields, name: 'wanted' });
    did();
    await tree.connection.closed;
  },
  /** Disconnects while its requests are pending. */
  leaves: async (tree, did) => {
    const open = await tree.create({ name: 'big', desiredAccess: fileGenericRead });
    for (let i = 0; i < 4; i++) open.read(i * mebibyte, mebibyte).catch(() => {});
    open.changeNotify(everything, 1);
    did();
    await tree.connection.close(true);
  },
};
/** Sends NEGOTIATE and does not log on. */
const knocks = 'knocks';
/** The kinds of clients. */
export const kinds: readonly string[] = [...Object.keys(works), knocks];

/** A client that connects, works, and connects again after a disconnection; in different dialects, signed or encrypted. */
export class Client {
  /** Number of responses since this was set to 0. */
  answers = 0;
  readonly #port: number;
  /** Undefined: it does not log on. */
  readonly #work: Work | undefined;
  readonly #id: number;
  #stopped = false;
  #connection: Connection | undefined;
  readonly #done: Promise<void>;

  constructor(kind: string, id: number, port: number) {
    this.#work = works[kind];
    this.#id = id;
    this.#port = port;
    this.#done = this.#go();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#connection?.link.close(true);
    await this.#done;
  }

  async #go(): Promise<void> {
    for (let turn = 0; !this.#stopped; turn++) {
      try {
        await this.#stay(turn);
      } catch {
        await sleep(5); // disconnected, or no server listens
      }
    }
  }

  async #stay(turn: number): Promise<void> {
    const link = await connectTcp(this.#port);
    const highest = (this.#id + turn) % dialects.length;
    const options: ConnectionOptions = { dialects: dialects.slice(0, highest + 1) };
    await using connection = await Connection.open(link, options);
    this.#connection = connection;
    const work = this.#work;
    if (work === undefined) {
      this.answers++;
      return void (await connection.closed);
    }
    const encrypt = connection.negotiated?.cipher !== undefined && turn % 3 === 0;
    const session = await connection.logon({ user: 'tester', password: 'secret', encrypt });
    const tree = await session.connect('share');
    for (let again = 0; again < 3 && !this.#stopped; again++) {
      await work(
        tree,
        () => {
          this.answers++;
        },
        this.#id,
      );
    }
  }
}
