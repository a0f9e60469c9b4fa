import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '@ring3/kit';
import { NtStatus } from '@ring3/smb-proto';
import { type AccessInput, type Input, LocalFileState, type OpenInput, type OplockOwner } from './index.ts';

/**
 * Random interleavings of several clients, whose leases are compared with a second, independent description of them: sets of bits, where the state has a table. It knows nothing of
 * the state but what clients see: decisions, waiting, notifications. In addition each client remembers what it has cached, and that has to be true while it holds the lease.
 */

const R = 1;
const H = 2;
const W = 4;
const names: Readonly<Record<number, string>> = { 0: 'none', 1: 'R', 3: 'RH', 5: 'RW', 7: 'RWH' };
const bitsOf = (level: string): number => Number(Object.entries(names).find(([, name]) => name === level)?.[0]);
const within = (a: number, b: number): boolean => (a & ~b) === 0;

/** The caching that an operation takes from others, and whether it waits for kept handles: MS-SMB2 3.3.1.4, MS-FSA 2.1.4.12. */
const takes = {
  open: [W, false],
  read: [W, false],
  write: [R | W | H, false],
  lock: [R | W | H, false],
  size: [R | W | H, false],
  overwrite: [R | W | H, false],
  shareConflict: [H, true],
  rename: [H, true],
  delete: [H, true],
  childChange: [R | W | H, false],
} as const;
type Operation = keyof typeof takes;

interface Held {
  state: number;
  breaking: number | undefined;
  further: number | undefined;
  chained: boolean;
  epoch: number;
}
interface Opened {
  readonly openId: number;
  readonly owner: OplockOwner;
  readonly writes: boolean;
  readonly shares: boolean;
  locked: boolean;
}
type Notice = readonly [owner: OplockOwner, from: string, to: string, acknowledge: boolean, epoch: number];
interface Waits {
  readonly id: number;
  /** @returns the status; undefined if it still waits */
  readonly decide: () => number | undefined;
}

/** What the description says of one file or directory. */
class Model {
  readonly opens = new Map<number, Opened>();
  readonly held = new Map<OplockOwner, Held>();
  readonly epochs = new Map<OplockOwner, number>();
  readonly waiting: Waits[] = [];
  readonly decided = new Map<number, number>();
  notices: Notice[] = [];

  /** Takes caching from the other owners. @returns whether the operation continues */
  revoke(operation: Operation, owner: OplockOwner): boolean {
    const [taken, waitsForHandles] = takes[operation];
    let free = true;
    for (const [other, lease] of this.held) {
      if (other === owner) continue;
      if (lease.chained) free = false;
      if ((lease.state & taken) === 0) continue;
      if ((lease.state & W) !== 0 || (waitsForHandles && (lease.state & H) !== 0)) free = false;
      const left = lease.state & ~taken;
      this.#break(other, lease, (left & R) === 0 ? 0 : left, lease.epoch + 1);
    }
    return free;
  }

  #break(owner: OplockOwner, lease: Held, to: number, epoch: number): void {
    if (lease.breaking !== undefined) {
      const left = (lease.further ?? lease.breaking) & to;
      if (left !== (lease.further ?? lease.breaking)) lease.further = (left & R) === 0 ? 0 : left;
      return;
    }
    const from = lease.state;
    const acknowledge = (from & (W | H)) !== 0;
    lease.epoch = epoch;
    this.notices.push([owner, names[from] as string, names[to] as string, acknowledge, epoch]);
    if (acknowledge) lease.breaking = to;
    else this.#become(owner, lease, to);
  }

  #become(owner: OplockOwner, lease: Held, state: number): void {
    lease.state = state;
    if (state !== 0) return;
    this.held.delete(owner);
    this.epochs.set(owner, lease.epoch);
  }

  acknowledge(owner: OplockOwner, state: number): string {
    const lease = this.held.get(owner);
    if (lease?.breaking === undefined) return 'notBreaking';
    if (!within(state, lease.breaking)) return 'tooMuch';
    const { further } = lease;
    lease.breaking = lease.further = undefined;
    lease.chained = false;
    this.#become(owner, lease, state);
    if (state === 0 || further === undefined || within(state, further)) return 'accepted';
    const left = (state & further & R) === 0 ? 0 : state & further;
    const step = (state & H) !== 0 && left === 0 ? R : left;
    this.#break(owner, lease, step, lease.epoch);
    if (lease.breaking === undefined) return 'accepted';
    lease.chained = true;
    if (step !== left) lease.further = left;
    return 'accepted';
  }

  expire(): void {
    for (const [owner, lease] of [...this.held]) if (lease.breaking !== undefined) this.#become(owner, lease, 0);
  }

  request(owner: OplockOwner, asked: number): { state: number; breaking: boolean; epoch: number } {
    const lease = this.held.get(owner);
    if (lease?.breaking !== undefined) return { state: lease.state, breaking: true, epoch: lease.epoch };
    const epoch = lease?.epoch ?? this.epochs.get(owner) ?? 0;
    const state = lease?.state ?? 0;
    const others = [...this.held].filter(([other]) => other !== owner);
    let can = others.some(([, other]) => (other.state & W) !== 0) || names[asked] === undefined ? 0 : asked;
    if (others.length > 0 || [...this.opens.values()].some((open) => open.owner !== owner)) can &= ~W;
    if ((can & W) === 0 && [...this.opens.values()].some(({ locked }) => locked)) can = 0;
    const raises = can !== 0 && (state === 0 || (can === asked && can !== state && within(state, can)));
    if (!raises) return { state, breaking: false, epoch };
    this.held.set(owner, { state: can, breaking: undefined, further: undefined, chained: false, epoch: epoch + 1 });
    return { state: can, breaking: false, epoch: epoch + 1 };
  }

  open(asked: Opened, overwrites: boolean): number | undefined {
    for (const other of this.opens.values()) {
      if (other.shares && asked.shares) continue;
      return this.revoke('shareConflict', asked.owner) ? NtStatus.SharingViolation : undefined;
    }
    if (!this.revoke(overwrites ? 'overwrite' : 'open', asked.owner)) return undefined;
    this.opens.set(asked.openId, asked);
    return NtStatus.Success;
  }

  access(openId: number, owner: OplockOwner, operation: Operation): number | undefined {
    if (!this.opens.has(openId)) return NtStatus.FileClosed;
    if (!this.revoke(operation, owner)) return undefined;
    const locked = [...this.opens.values()].some((other) => other.locked && other.openId !== openId);
    return locked && (operation === 'read' || operation === 'write') ? NtStatus.FileLockConflict : NtStatus.Success;
  }

  close(openId: number): void {
    const open = this.opens.get(openId);
    this.opens.delete(openId);
    if (open === undefined || [...this.opens.values()].some(({ owner }) => owner === open.owner)) return;
    this.held.delete(open.owner);
    this.epochs.delete(open.owner);
  }

  /** What waits is decided again after each change, in its order. */
  settle(): void {
    for (let i = 0; i < this.waiting.length; ) {
      const { id, decide } = this.waiting[i] as Waits;
      const status = decide();
      if (status === undefined) i++;
      else {
        this.waiting.splice(i, 1);
        this.decided.set(id, status);
      }
    }
  }
}

/** Pseudo-random numbers below n: xorshift. */
function randomOf(seed: number): (n: number) => number {
  let x = (seed * 2654435761 + 1) | 0 || 1;
  return (n) => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) % n;
  };
}

const clients = 3;
const files = ['a', 'b'];
const directories = ['d', 'e'];
const all = 7;

/** One interleaving. @returns what happened in it */
async function play(seed: number, steps: number): Promise<Record<string, number>> {
  const below = randomOf(seed);
  const clock = new FakeClock();
  let notices: [string, Notice][] = [];
  const seen: Record<string, number> = {};
  const count = (what: string): void => void (seen[what] = (seen[what] ?? 0) + 1);
  const state = new LocalFileState({
    clock,
    oplockBreakMs: () => 1000,
    effects: (batch) => {
      for (const effect of batch) {
        if (effect.kind !== 'break') continue;
        const { fileId, owner, from, level, acknowledge, epoch } = effect;
        notices.push([fileId, [owner, from, level, acknowledge, epoch]]);
      }
    },
  });
  const models = new Map([...files, ...directories].map((id) => [id, new Model()] as const));
  const modelOf = (id: string): Model => models.get(id) as Model;
  const fileOf = new Map<OplockOwner, string>();
  const opens = new Map<number, { readonly id: string; readonly client: number; readonly owner: OplockOwner; wrote: boolean }>();
  /** Requests without a decision, of both. */
  const pending = new Map<number, { readonly id: string; readonly client: number; readonly then: (status: number) => void }>();
  const actual = new Map<number, number>();
  let next = 1;

  /** What is true, and what owners have cached of it while they may. */
  const truth = new Map<string, number>();
  const cached = new Map<OplockOwner, number>();
  const now = (id: string): number => truth.get(id) ?? 0;
  const change = (id: string, by: OplockOwner): void => {
    truth.set(id, now(id) + 1);
    if (cached.has(by)) cached.set(by, now(id));
  };
  /** The data of a file was changed by an open that was admitted before: others may have been granted caching since. */
  const changeData = (id: string, by: OplockOwner): void => {
    change(id, by);
    modelOf(id).revoke('write', by);
    modelOf(id).settle();
    submit(id, { kind: 'notice', operation: 'write', owner: by });
  };
  const ownerOf = (client: number, id: string, key: number): OplockOwner => {
    const owner = 1_000_000 + client * 100 + [...models.keys()].indexOf(id) * 10 + key;
    fileOf.set(owner, id);
    return owner;
  };
  const check = (what: string): void => {
    for (const [id, model] of models) {
      const writers = [...model.held.values()].filter(({ state: bits }) => (bits & W) !== 0).length;
      assert.ok(writers === 0 || model.held.size === 1, `${what}: another client caches beside the one that caches writes`);
      for (const [owner, lease] of model.held) {
        const open = [...model.opens.values()].find((one) => one.owner === owner);
        assert.ok(open !== undefined, `${what}: a lease without an open`);
        const shown = state.look(id, open.openId);
        assert.deepEqual(
          [shown.oplock, shown.breaking, shown.epoch],
          [names[lease.state], lease.breaking !== undefined, lease.epoch],
          `${what}: seed ${seed}`,
        );
        const mine = cached.get(owner);
        if (lease.breaking === undefined && mine !== undefined) assert.equal(mine, now(id), `${what}: stale cache, seed ${seed}`);
      }
      for (const owner of cached.keys()) if (fileOf.get(owner) === id && !model.held.has(owner)) cached.delete(owner);
    }
  };

  /** Submits an input to both. @returns what the state decides, if it does so at once */
  const submit = (id: string, input: Input): unknown => {
    const answer = state.submit(id, input);
    return answer instanceof Promise ? answer : { answer };
  };
  /** An input that may wait. */
  const request = async (
    id: string,
    client: number,
    requestId: number,
    input: Input,
    decide: () => number | undefined,
    then: (status: number) => void,
  ) => {
    const model = modelOf(id);
    const status = decide();
    if (status === undefined) model.waiting.push({ id: requestId, decide });
    else model.decided.set(requestId, status);
    model.settle();
    pending.set(requestId, { id, client, then });
    const answer = submit(id, input);
    if (answer instanceof Promise) void answer.then((late: number) => actual.set(requestId, late));
    else actual.set(requestId, (answer as { answer: number }).answer);
    await settled(`${input.kind} of ${id}`);
  };
  /** Compares decisions and notifications, until neither side decides more. */
  const settled = async (what: string): Promise<void> => {
    for (let more = true; more; ) {
      await Promise.resolve();
      await Promise.resolve();
      more = false;
      for (const [requestId, { id, then }] of [...pending]) {
        const expected = modelOf(id).decided.get(requestId);
        assert.equal(actual.get(requestId), expected, `${what}: decision ${requestId} on ${id}, seed ${seed}`);
        if (expected === undefined) continue;
        pending.delete(requestId);
        count(expected === NtStatus.Success ? 'granted' : 'rejected');
        then(expected);
        more = true;
      }
    }
    const expected = [...models].flatMap(([id, model]) => model.notices.map((notice) => [id, notice] as const));
    const sorted = (list: readonly unknown[]): string[] => list.map((one) => JSON.stringify(one)).sort();
    assert.deepEqual(sorted(notices), sorted(expected), `${what}: notifications, seed ${seed}`);
    for (const [, [, from, to]] of expected)
      assert.ok(from !== to && within(bitsOf(to), bitsOf(from)), `${what}: a break from ${from} to ${to}`);
    for (const [, notice] of expected) count(`broken from ${notice[1]} to ${notice[2]}`);
    notices = [];
    for (const model of models.values()) model.notices = [];
    check(what);
  };

  const notify = async (id: string, by: OplockOwner): Promise<void> => {
    change(id, by);
    modelOf(id).revoke('childChange', by);
    modelOf(id).settle();
    submit(id, { kind: 'notice', operation: 'childChange', owner: by });
    await settled(`childChange of ${id}`);
  };
  const parentOf = (client: number, id: string): OplockOwner => (below(2) === 0 ? ownerOf(client, id, 0) : 0);

  const openOne = async (client: number): Promise<void> => {
    const ofDirectory = below(3) === 0;
    const id = (ofDirectory ? directories : files)[below(2)] as string;
    const openId = next++;
    const owner = ownerOf(client, id, ofDirectory ? 0 : below(2));
    const shares = below(6) > 0;
    const overwrites = !ofDirectory && below(5) === 0;
    const access = ofDirectory ? 0x81 : 0x3;
    const input: OpenInput = {
      kind: 'open',
      openId,
      owner,
      access,
      checkedAccess: access,
      shareAccess: shares ? all : 0,
      deleteOnClose: false,
      overwrites,
    };
    const asked = [0, R, R | H, R | W, R | W | H, W, H][below(7)] as number;
    const opened: Opened = { openId, owner, writes: !ofDirectory, shares, locked: false };
    await request(
      id,
      client,
      openId,
      input,
      () => modelOf(id).open(opened, overwrites),
      (status) => {
        if (status !== NtStatus.Success) return;
        opens.set(openId, { id, client, owner, wrote: overwrites });
        if (overwrites) changeData(id, owner);
        const bits = ofDirectory ? asked & ~W : asked;
        const expected = modelOf(id).request(owner, bits);
        modelOf(id).settle();
        const { answer } = submit(id, { kind: 'lease', openId, asked: bits, epoch: 0 }) as {
          answer: { level: string; breaking: boolean; epoch: number };
        };
        assert.deepEqual(
          [bitsOf(answer.level), answer.breaking, answer.epoch],
          [expected.state, expected.breaking, expected.epoch],
          `grant on ${id}, seed ${seed}`,
        );
        count(`granted ${names[expected.state]}`);
        if ((expected.state & R) !== 0 && !expected.breaking) cached.set(owner, now(id)); // the client reads at once
      },
    );
    await settled('lease');
    if (overwrites) await notify('d', parentOf(client, 'd'));
  };

  const anOpen = (client: number, kind?: 'file') => {
    const mine = [...opens].filter(([, open]) => open.client === client && (kind === undefined || files.includes(open.id)));
    return mine[below(Math.max(1, mine.length))];
  };
  const access = async (
    client: number,
    operation: AccessInput['operation'] & Operation,
    done: (open: { id: string; owner: OplockOwner; wrote: boolean }) => void,
  ): Promise<void> => {
    const found = anOpen(client, 'file');
    if (found === undefined) return;
    const [openId, open] = found;
    const ticket = next++;
    const length = operation === 'read' || operation === 'write' ? 1 : 0;
    const input = { kind: 'access', openId, ticket, operation, offset: 0, length } as const;
    await request(
      open.id,
      client,
      ticket,
      input,
      () => modelOf(open.id).access(openId, open.owner, operation),
      (status) => {
        if (status === NtStatus.Success) done(open);
      },
    );
  };
  const close = async (openId: number): Promise<void> => {
    const open = opens.get(openId);
    if (open === undefined) return;
    opens.delete(openId);
    modelOf(open.id).close(openId);
    modelOf(open.id).settle();
    submit(open.id, { kind: 'close', openId });
    await settled(`close on ${open.id}`);
    if (open.wrote) await notify('d', parentOf(open.client, 'd'));
  };

  for (let step = 0; step < steps; step++) {
    const client = below(clients);
    switch (below(16)) {
      case 0:
      case 1:
      case 2:
      case 3:
        await openOne(client);
        break;
      case 4:
      case 5:
        await access(client, 'write', (open) => {
          changeData(open.id, open.owner);
          open.wrote = true;
        });
        break;
      case 6:
        await access(client, 'read', (open) => {
          const lease = modelOf(open.id).held.get(open.owner);
          if (lease !== undefined && lease.breaking === undefined) cached.set(open.owner, now(open.id));
        });
        break;
      case 7:
        await access(client, 'rename', () => count('renamed'));
        for (const id of directories) await notify(id, parentOf(client, id));
        break;
      case 8:
        await access(client, below(2) === 0 ? 'delete' : 'size', (open) => void (open.wrote = true));
        break;
      case 9: {
        const found = anOpen(client, 'file');
        if (found === undefined) break;
        const [openId, { id, owner }] = found;
        const ticket = next++;
        const model = modelOf(id);
        const ranges = [{ offset: 0n, length: 1n, exclusive: true }] as never;
        const decide = (): number | undefined => {
          const open = model.opens.get(openId);
          if (open === undefined) return NtStatus.RangeNotLocked;
          if (!model.revoke('lock', owner)) return undefined;
          if ([...model.opens.values()].some(({ locked }) => locked)) return NtStatus.LockNotGranted;
          open.locked = true;
          return NtStatus.Success;
        };
        await request(id, client, ticket, { kind: 'lock', openId, ticket, ranges, wait: false }, decide, () => {});
        break;
      }
      case 10:
      case 11:
      case 12: {
        const breaking = [...models].flatMap(([id, { held }]) =>
          [...held].filter(([, one]) => one.breaking !== undefined).map(([owner]) => ({ id, owner })),
        );
        const one = breaking[below(Math.max(1, breaking.length))];
        if (one === undefined) break;
        const { id, owner } = one;
        const level = below(5) === 0 ? ([0, 1, 3, 5, 7][below(5)] as number) : (modelOf(id).held.get(owner)?.breaking as number);
        cached.delete(owner); // it drops its cache before it acknowledges, and reads again when it is needed
        const expected = modelOf(id).acknowledge(owner, level);
        modelOf(id).settle();
        const { answer } = submit(id, { kind: 'acknowledge', owner, level: names[level] as 'R' }) as { answer: string };
        assert.equal(answer, expected, `acknowledgment on ${id}, seed ${seed}`);
        count(expected);
        await settled('acknowledge');
        break;
      }
      case 13: {
        const found = anOpen(client);
        if (found !== undefined) await close(found[0]);
        break;
      }
      case 14: {
        const [name, id] = [parentOf(client, 'd'), below(2) === 0 ? 'd' : 'e'];
        await notify(id, fileOf.get(name) === id ? name : 0); // a new entry
        break;
      }
      default: {
        if (below(3) > 0) break;
        if (below(2) === 0) {
          // every acknowledgment is late
          for (const model of models.values()) model.expire();
          for (const model of models.values()) model.settle();
          clock.advance(1000);
          await settled('expiry');
          break;
        }
        // the client is disconnected: its requests are cancelled and its opens closed, in any order
        for (const [ticket, { id, client: whose }] of [...pending]) {
          if (whose !== client) continue;
          const model = modelOf(id);
          model.waiting.splice(
            model.waiting.findIndex((one) => one.id === ticket),
            1,
          );
          model.decided.set(ticket, NtStatus.Cancelled);
          model.settle();
          submit(id, { kind: 'cancel', ticket, status: NtStatus.Cancelled });
          await settled('cancel');
        }
        for (const [openId, open] of [...opens]) if (open.client === client) await close(openId);
        count('disconnected');
      }
    }
  }
  for (const [ticket, { id }] of [...pending]) submit(id, { kind: 'cancel', ticket, status: NtStatus.Cancelled });
  for (const openId of opens.keys()) submit((opens.get(openId) as { id: string }).id, { kind: 'close', openId });
  assert.deepEqual(state.totals, { files: 0, locks: 0, oplocks: 0 }, `seed ${seed}`);
  return seen;
}

test('leases of files and directories are what a second description says, in random interleavings of clients (MS-FSA 2.1.4.12, MS-SMB2 3.3.1.4)', async () => {
  const rounds = Number(process.env['RING3_MODEL_ROUNDS'] ?? 300);
  const seen: Record<string, number> = {};
  for (let seed = 1; seed <= rounds; seed++) {
    for (const [what, times] of Object.entries(await play(seed, 60))) seen[what] = (seen[what] ?? 0) + times;
  }
  for (const what of [
    'granted R',
    'granted RH',
    'granted RW',
    'granted RWH',
    'broken from RWH to RH',
    'broken from RH to none',
    'broken from RH to R',
    'accepted',
    'tooMuch',
    'rejected',
    'disconnected',
  ])
    assert.ok((seen[what] ?? 0) > 0, `${what}: ${JSON.stringify(seen)}`);
  if (process.env['RING3_MODEL_ROUNDS'] !== undefined) console.log(seen);
});
