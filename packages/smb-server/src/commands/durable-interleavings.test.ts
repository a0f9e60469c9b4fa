import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FakeClock, fakeRandom } from '@ring3/kit';
import {
  Capabilities,
  Command,
  CreateContextName,
  CreateDisposition,
  CreateOptions,
  CreateResponse,
  DurableHandleFlags,
  DurableHandleReconnect,
  DurableHandleReconnectV2,
  DurableHandleRequestV2,
  Fsctl,
  HeaderFlags,
  Lease,
  LeaseBreakAcknowledgment,
  LeaseBreakNotification,
  LeaseV2,
  NtStatus,
  OplockBreak,
  OplockLevel,
} from '@ring3/smb-proto';
import { Frame } from '@ring3/wire';
import { memoryPersistentOpens, type PersistentChange } from '../objects/persistent-opens.ts';
import { restoreOpens } from '../server/restore-opens.ts';
import type { Server } from '../server/server.ts';
import { lastingStore } from '../testing/durable.ts';
import {
  closing,
  control,
  disconnecting,
  disposing,
  type Ids,
  locking,
  loggingOff,
  opening,
  renaming,
  writing,
} from '../testing/elements.ts';
import { type Answer, type Element, RawClient, testServer } from '../testing/raw-client.ts';
import { turns } from '../testing/turns.ts';

/** Capabilities that the clients announce. */
const announced = Capabilities.DirectoryLeasing | Capabilities.PersistentHandles;

type Create = NonNullable<Parameters<typeof opening>[1]>;
const guid = (n: number): Uint8Array => new Uint8Array(16).fill(n);
function context<T>(name: string, declaration: { byteLength: number; write(frame: Frame, at: number, value: T): void }, value: T) {
  const frame = Frame.alloc(declaration.byteLength);
  declaration.write(frame, 0, value);
  return { name, data: frame.bytes };
}

/** An open that a client has, had, or should never have had. */
interface Known {
  readonly ids: Ids;
  readonly name: string;
  readonly key: number;
  readonly createGuid: number;
  /** Of the durable context that it was created with; 0 for none. */
  readonly version: number;
  readonly leases: boolean;
  readonly client: number;
}

/** One client, which connects again and again, and answers breaks correctly, wrongly or never. */
class Player {
  #server: Server;
  readonly #id: number;
  readonly #known: Known[];
  readonly #below: (n: number) => number;
  #raw: RawClient | undefined;
  /** CREATEs that have no final response, by message id. */
  readonly waiting = new Map<number, Omit<Known, 'ids'>>();
  #breaks: Element[] = [];
  statuses = new Set<number>();
  /** Opens that it got back. */
  reconnected = 0;
  readonly #reconnecting = new Set<number>();
  #isBack = false;

  constructor(server: Server, id: number, known: Known[], below: (n: number) => number) {
    this.#server = server;
    this.#id = id;
    this.#known = known;
    this.#below = below;
  }

  /** The server was started again. */
  moveTo(server: Server): void {
    this.cut();
    this.#server = server;
  }

  async connect(): Promise<void> {
    if (this.#raw !== undefined) return;
    const [user, password] = this.#below(8) > 0 ? (['ann', 'secret'] as const) : (['bob', 'word'] as const);
    const raw = await RawClient.at(this.#server, 'share', user, password, undefined, guid(this.#id), announced);
    this.#raw = raw;
    this.#isBack = true;
    void this.#listen(raw);
  }

  async #listen(raw: RawClient): Promise<void> {
    for (let answers = await raw.next(); answers !== undefined; answers = await raw.next())
      for (const answer of answers) if (raw === this.#raw) this.#heard(answer);
    if (raw === this.#raw) this.cut();
  }

  #heard(answer: Answer): void {
    const { command, messageId } = answer.header;
    this.statuses.add(answer.status);
    if (command === Command.OplockBreak && answer.status === NtStatus.Success) return void this.#broken(answer);
    if (command !== Command.Create || answer.status === NtStatus.Pending) return;
    const asked = this.waiting.get(messageId);
    this.waiting.delete(messageId);
    if (asked === undefined || answer.status !== NtStatus.Success) return;
    if (this.#reconnecting.has(messageId)) this.reconnected++;
    const { persistentFileId, volatileFileId } = answer.read(CreateResponse);
    this.#known.push({ ...asked, ids: { persistentFileId, volatileFileId } });
  }

  #broken(answer: Answer): void {
    if (answer.bytes.length - 64 === 24) {
      const { persistentFileId, volatileFileId, oplockLevel } = answer.read(OplockBreak);
      const level = this.#below(4) > 0 ? oplockLevel : OplockLevel.Batch;
      this.#breaks.push({
        command: Command.OplockBreak,
        body: OplockBreak.encode({ oplockLevel: level, persistentFileId, volatileFileId }),
      });
      return;
    }
    if (answer.bytes.length - 64 < 44) return; // the response to an acknowledgment
    const { leaseKey, newLeaseState } = answer.read(LeaseBreakNotification);
    const wrong = this.#below(4) === 0;
    const leaseState = wrong ? this.#below(8) : newLeaseState & this.#below(8);
    this.#breaks.push({
      command: Command.OplockBreak,
      body: LeaseBreakAcknowledgment.encode({ leaseKey: wrong ? guid(this.#below(4)) : leaseKey, leaseState }),
    });
  }

  send(element: Element): number {
    const raw = this.#raw as RawClient;
    const { messageId } = raw;
    raw.sendFrame(raw.encode([element]));
    return messageId;
  }

  cut(): void {
    this.#raw?.end();
    this.#raw = undefined;
    this.waiting.clear();
    this.#reconnecting.clear();
    this.#breaks = [];
  }

  step(): void {
    if (this.#raw === undefined) return;
    const below = this.#below;
    if (this.#isBack && below(3) > 0) {
      this.#isBack = false;
      this.#comeBack();
      return;
    }
    const known = this.#known[this.#known.length - 1 - below(Math.min(4, this.#known.length))];
    switch (below(15)) {
      case 0:
      case 1:
      case 2:
        if (below(4) === 0) this.#createDirectory();
        else this.#create(`${below(3) === 0 ? 'dir\\' : ''}file ${below(5)}`);
        return;
      case 3:
      case 4:
        this.#comeBack();
        return;
      case 5:
      case 6: {
        const acknowledgment = this.#breaks.shift();
        if (acknowledgment !== undefined) this.send(acknowledgment);
        return;
      }
      case 7:
        return void (known && this.send(closing(known.ids)));
      case 8:
        return void (
          known && this.send(below(2) === 0 ? writing(known.ids, 'data') : locking(known.ids, 0n, 5n, below(2) === 0 ? 0x12 : 0x2))
        );
      case 9:
        return void (
          known &&
          this.send(below(2) === 0 ? renaming(known.ids, ['one', 'three', 'dir\\two'][below(3)] as string) : disposing(known.ids, true))
        );
      case 10: {
        const input = Uint8Array.of(below(256), below(256), 0, 0, 0, 0, 0, 0);
        return void (known && this.send(control(known.ids, Fsctl.LmrRequestResiliency, { input })));
      }
      case 11:
        if (below(3) > 0) return;
        this.send(below(2) === 0 ? loggingOff : disconnecting);
        this.cut();
        return;
      default:
        this.cut();
    }
  }

  /** Its connection is lost; the next one asks for what it had. */
  #comeBack(): void {
    const own = this.#known.filter(({ version, client }) => version > 0 && client === this.#id).slice(-3);
    const one = own[this.#below(own.length)];
    if (one !== undefined) this.#reconnect(one);
  }

  /** A directory lease, under one key of the client. */
  #createDirectory(): void {
    const below = this.#below;
    const key = 12 + this.#id;
    const lease = { leaseKey: guid(key), leaseState: below(8), leaseFlags: 0, parentLeaseKey: guid(0), epoch: 0 };
    const element = opening('dir', {
      requestedOplockLevel: OplockLevel.Lease,
      createOptions: CreateOptions.DirectoryFile,
      desiredAccess: below(3) === 0 ? 0x1f01ff : 0x100081,
      shareAccess: below(4) === 0 ? below(8) : 7,
      createContexts: [context(CreateContextName.RequestLease, LeaseV2, lease)],
    });
    this.waiting.set(this.send(element), { name: 'dir', key, createGuid: 0, version: 0, leases: true, client: this.#id });
  }

  #create(name: string): void {
    const below = this.#below;
    const [key, createGuid] = [below(4) + this.#id * 4, below(6)];
    const createContexts = [];
    const leases = below(2) === 0;
    if (leases)
      createContexts.push(
        context(CreateContextName.RequestLease, Lease, { leaseKey: guid(key), leaseState: below(2) === 0 ? 7 : below(8), leaseFlags: 0 }),
      );
    const kind = below(3);
    if (kind === 0) createContexts.push({ name: CreateContextName.DurableHandleRequest, data: new Uint8Array(16) });
    const request = { timeout: 1000 * below(60), flags: below(2) * DurableHandleFlags.Persistent, createGuid: guid(createGuid) };
    if (kind === 1) createContexts.push(context(CreateContextName.DurableHandleRequestV2, DurableHandleRequestV2, request));
    const element = opening(name, {
      requestedOplockLevel: leases ? OplockLevel.Lease : below(2) === 0 ? OplockLevel.Batch : OplockLevel.Exclusive,
      createDisposition: below(4) === 0 ? CreateDisposition.OverwriteIf : CreateDisposition.OpenIf,
      createOptions: below(6) === 0 ? CreateOptions.DeleteOnClose : 0,
      desiredAccess: 0x1f01ff,
      shareAccess: below(4) === 0 ? below(8) : 7,
      createContexts,
    });
    const replayed = below(5) === 0 ? { ...element, header: { flags: HeaderFlags.ReplayOperation } } : element;
    this.waiting.set(this.send(replayed), { name, key, createGuid, version: [1, 2, 0][kind] as number, leases, client: this.#id });
  }

  #reconnect({ ids, name, key, createGuid, version, leases, client }: Known): void {
    const below = this.#below;
    const wrong = (): boolean => below(12) === 0;
    const file = wrong() ? { persistentFileId: below(20), volatileFileId: below(20) } : ids;
    const leaseKey = guid(wrong() ? below(12) : key);
    const createContexts: Create['createContexts'] = [
      ...((version === 1) !== wrong()
        ? [context(CreateContextName.DurableHandleReconnect, DurableHandleReconnect, file)]
        : [
            context(CreateContextName.DurableHandleReconnectV2, DurableHandleReconnectV2, {
              ...file,
              flags: wrong() ? 0 : DurableHandleFlags.Persistent,
              createGuid: guid(wrong() ? 9 : createGuid),
            }),
          ]),
      ...(leases !== wrong() ? [context(CreateContextName.RequestLease, Lease, { leaseKey, leaseState: 7, leaseFlags: 0 })] : []),
    ];
    const requestedOplockLevel = createContexts.length > 1 ? OplockLevel.Lease : OplockLevel.Batch;
    const asked = wrong() ? 'two' : name;
    const messageId = this.send(opening(asked, { requestedOplockLevel, createContexts }));
    this.waiting.set(messageId, { name: asked, key, createGuid, version, leases, client });
    this.#reconnecting.add(messageId);
  }
}

/** A server, and the next one after it was killed or stopped. */
interface Place {
  start(): Promise<Server>;
  readonly persists: boolean;
  /** What is stored of persistent opens. */
  stored(): Promise<number>;
}

const places: Readonly<Record<string, () => Place>> = {
  'on a share without continuous availability': () => ({ start: async () => testServer(), persists: false, stored: async () => 0 }),
  'on a share with continuous availability, whose server is killed and stopped': () => {
    const memory = memoryPersistentOpens();
    const vfs = lastingStore();
    let current = 0;
    const start = async (): Promise<Server> => {
      const own = ++current;
      const commit = async (changes: readonly PersistentChange[]): Promise<void> => {
        await turns(2);
        if (own === current) await memory.commit(changes); // a server that was killed stores nothing more
      };
      const shares = { share: { vfs, continuousAvailability: true, posixLocks: false } };
      const server = testServer({ shares, guid: guid(0x77), persistentOpens: { load: memory.load, commit } });
      await restoreOpens(server);
      return server;
    };
    return { start, persists: true, stored: async () => (await memory.load()).length };
  },
};

for (const [where, placeOf] of Object.entries(places)) {
  test(`two clients with leases, oplocks and opens that outlive their connection come, leave and reconnect in any order ${where}: nothing is left, and no CREATE waits for ever`, async () => {
    const runs = Number(process.env['RING3_RUNS'] ?? 12);
    const { persists } = placeOf();
    let [reconnected, restored] = [0, 0];
    for (let seed = 1; seed <= runs; seed++) {
      const random = fakeRandom(seed);
      const below = (n: number): number => (random.fill(new Uint8Array(2)).reduce((sum, byte) => sum * 256 + byte, 0) % Math.max(1, n)) | 0;
      const place = placeOf();
      let server = await place.start();
      const known: Known[] = [];
      const players = [1, 2].map((id) => new Player(server, id, known, below));
      for (let step = 0; step < 120; step++) {
        const player = players[below(2)] as Player;
        await player.connect();
        player.step();
        if (below(3) > 0) await turns(3);
        if (below(10) === 0) (server.clock as FakeClock).advance(1000 * below(20));
        if (below(40) > 0) continue;
        if (below(2) === 0) await server.close(); // else it is killed
        const next = await place.start();
        restored += next.durables.detached;
        for (const one of players) one.moveTo(next);
        server = next;
      }
      const clock = server.clock as FakeClock;
      for (let i = 0; i < 8; i++) {
        clock.advance(36_000);
        await turns(10);
      }
      for (const player of players) {
        assert.equal(player.waiting.size, 0, `seed ${seed}: a CREATE has no response`);
        assert.ok(!player.statuses.has(NtStatus.InternalError), `seed ${seed}: an internal error`);
        reconnected += player.reconnected;
        player.cut();
      }
      await turns(10);
      for (let i = 0; i < 4; i++) {
        clock.advance(server.limits.maxDurableMs);
        await turns(10);
      }
      const { opens, durables, leases, fileTotals, sessions, connections, persistence, quotas } = server;
      const left = {
        opens: opens.size,
        detached: durables.detached,
        leases: leases.size,
        directories: leases.directories,
        watched: server.watched.directories,
        sessions: sessions.size,
        connections: connections.size,
        persistent: persistence.size,
        counted: quotas.opens.total + quotas.locks.total + quotas.persistentOpens.total,
        stored: await place.stored(),
      };
      assert.ok(
        Object.values(left).every((count) => count === 0),
        `seed ${seed}: ${JSON.stringify(left)}`,
      );
      assert.ok(
        Object.values(fileTotals).every((count) => count === 0),
        `seed ${seed}: ${JSON.stringify(fileTotals)}`,
      );
      await server.close();
    }
    assert.equal(restored > 0, persists);
    assert.ok(reconnected >= runs / 2, `only ${reconnected} opens were got back`);
  });
}
