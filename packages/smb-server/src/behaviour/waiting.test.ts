/** LCK, OPL, DLK: a waiting request ends once, whichever event ends it, and leaves nothing in the tables. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { FakeClock } from '@ring3/kit';
import {
  CancelRequest,
  Command,
  Dialect,
  FileEndOfFileInformation,
  FileInformationClass,
  HeaderFlags,
  LockFlags,
  NtStatus,
  OplockBreak,
  OplockLevel,
  TreeDisconnectRequest,
} from '@ring3/smb-proto';
import { Frame } from '@ring3/wire';
import fc from 'fast-check';
import type { Server } from '../server/server.ts';
import { closing, type Ids, idsOf, locking, loggingOff, setting, writing } from '../testing/elements.ts';
import { type Answer, createBody, type Element, RawClient, testServer } from '../testing/raw-client.ts';
import { turns } from '../testing/turns.ts';

const { ExclusiveLock, Unlock, FailImmediately } = LockFlags;
const all = [0n, 10n] as const;
const acknowledging = (ids: Ids, oplockLevel: OplockLevel): Element => ({
  command: Command.OplockBreak,
  body: OplockBreak.encode({ ...ids, oplockLevel }),
});
const leaving: Element = { command: Command.TreeDisconnect, body: TreeDisconnectRequest.encode({}) };
const cancelling = ({ header }: Answer, byAsyncId: boolean): Element => ({
  command: Command.Cancel,
  body: CancelRequest.encode({}),
  header: byAsyncId
    ? { flags: HeaderFlags.AsyncCommand, processId: header.processId, treeId: header.treeId }
    : { messageId: header.messageId },
});

/** Messages that have arrived and were not taken yet. */
async function arrived(client: RawClient): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (;;) {
    const frame = await Promise.race([client.next(), turns().then(() => undefined)]);
    if (frame === undefined) return answers;
    answers.push(...frame);
  }
}

async function createStage() {
  const server = testServer();
  const first = await RawClient.at(server, 'share', 'ann', 'secret', Dialect.Smb21);
  const second = await RawClient.at(server, 'share', 'bob', 'word', Dialect.Smb21);
  return { server, clock: server.clock as FakeClock, first, second };
}

type Stage = Awaited<ReturnType<typeof createStage>>;

/** Ends the server, and checks whether anything is left: a request, an open, a lock, a timer. */
async function nothingIsLeft(server: Server): Promise<void> {
  const connections = [...server.connections.values()];
  await server.close();
  await turns();
  for (const connection of connections) assert.deepEqual([connection.async.size, connection.inFlight], [0, 0]);
  assert.equal(server.opens.size, 0);
  assert.equal(server.fileTotals.files, 0);
  assert.equal((server.clock as FakeClock).pending, 0);
}

const drop = (client: RawClient): void => client.sendBytes(Uint8Array.of(0xee, 0, 0, 0));
type Move = () => void;

/** Makes the moves in one turn, and returns how often the waiting request was answered. */
async function play(waiting: Answer, client: RawClient, moves: readonly Move[]): Promise<number> {
  for (const move of moves) move();
  await turns();
  const mine = ({ header, status }: Answer): boolean => header.messageId === waiting.header.messageId && status !== NtStatus.Pending;
  return (await arrived(client)).filter(mine).length;
}

const orders = <Name extends string>(names: readonly Name[]): fc.Arbitrary<Name[]> =>
  fc.subarray([...names, ...names], { minLength: 1, maxLength: 5 }).chain((some) => fc.shuffledSubarray(some, { minLength: some.length }));

const send =
  (client: RawClient, element: Element): Move =>
  () =>
    client.sendFrame(client.encode([element]));

/**
 * Makes moves in random orders, each on a new stage, and checks that the waiting request is answered once, or at most once if its connection has
 * ended, and that nothing is left of it.
 * @param begin lets a request of the second client wait. @returns it, and the moves by their names
 */
async function endsOnce<Name extends string>(
  names: readonly Name[],
  begin: (stage: Stage) => Promise<{ waiting: Answer; moves: Readonly<Record<Name, Move>> }>,
): Promise<void> {
  await fc.assert(
    fc.asyncProperty(orders(names), async (order) => {
      const stage = await createStage();
      const { server, second } = stage;
      const { waiting, moves } = await begin(stage);
      assert.equal(waiting.status, NtStatus.Pending);
      const count = await play(
        waiting,
        second,
        order.map((name) => moves[name]),
      );
      assert.ok(second.ended === undefined ? count === 1 : count <= 1, `${count} answers to ${order}`);
      await nothingIsLeft(server);
    }),
    { numRuns: 60 },
  );
}

describe('a waiting request ends once (LCK, OPL, DLK)', () => {
  test('a lock that waits is answered once, whichever of wake, CANCEL, CLOSE, the end of tree connect, session or connection is first', async () => {
    const names = ['unlock', 'closeFirst', 'dropFirst', 'cancel', 'cancelById', 'close', 'leave', 'logOff', 'drop'] as const;
    await endsOnce(names, async ({ first, second }) => {
      const a = idsOf(await first.create('file'));
      const b = idsOf(await second.create('file'));
      await first.ask(locking(a, ...all, ExclusiveLock | FailImmediately));
      const waiting = await second.ask(locking(b, ...all, ExclusiveLock));
      const moves = {
        unlock: send(first, locking(a, ...all, Unlock)),
        closeFirst: send(first, closing(a)),
        dropFirst: () => drop(first),
        cancel: send(second, cancelling(waiting, true)),
        cancelById: send(second, cancelling(waiting, false)),
        close: send(second, closing(b)),
        leave: send(second, leaving),
        logOff: send(second, loggingOff),
        drop: () => drop(second),
      };
      return { waiting, moves };
    });
  });

  test('a CREATE that waits for a break is answered once, whichever of acknowledgment, timeout, CANCEL and the ends of both is first', async () => {
    const names = ['acknowledge', 'refuse', 'close', 'dropFirst', 'logOffFirst', 'timeOut', 'cancel', 'leave', 'logOff', 'drop'] as const;
    await endsOnce(names, async ({ clock, first, second }) => {
      const a = idsOf(await first.create('file', { requestedOplockLevel: OplockLevel.Batch }));
      const waiting = await second.ask({ command: Command.Create, body: createBody('file') });
      const moves = {
        acknowledge: send(first, acknowledging(a, OplockLevel.Ii)),
        refuse: send(first, acknowledging(a, OplockLevel.Batch)),
        close: send(first, closing(a)),
        dropFirst: () => drop(first),
        logOffFirst: send(first, loggingOff),
        timeOut: () => clock.advance(35_000),
        cancel: send(second, cancelling(waiting, true)),
        leave: send(second, leaving),
        logOff: send(second, loggingOff),
        drop: () => drop(second),
      };
      return { waiting, moves };
    });
  });

  test('a write breaks level II of a hundred holders, some of which have closed or are closing', async () => {
    const server = testServer();
    const writer = await RawClient.at(server);
    const ids = idsOf(await writer.create('file'));
    const holders = await Promise.all(Array.from({ length: 10 }, () => RawClient.at(server, 'share', 'bob', 'word', Dialect.Smb21)));
    const opens: Ids[][] = [];
    for (const holder of holders) {
      const own: Ids[] = [];
      for (let i = 0; i < 10; i++) own.push(idsOf(await holder.create('file', { requestedOplockLevel: OplockLevel.Ii })));
      opens.push(own);
    }
    drop(holders[0] as RawClient);
    for (const open of opens[1] as Ids[]) holders[1]?.sendFrame(holders[1].encode([closing(open)]));
    assert.equal((await writer.ask(writing(ids, 'x'))).status, NtStatus.Success);
    for (const holder of holders.slice(2)) {
      const breaks = (await arrived(holder)).filter(({ header }) => header.command === Command.OplockBreak);
      assert.equal(breaks.length, 10);
    }
    await nothingIsLeft(server);
  });

  test('an empty file is truncated to zero bytes under locks without bytes', async () => {
    const { server, first, second } = await createStage();
    const a = idsOf(await first.create('file'));
    const b = idsOf(await second.create('file'));
    const size = new Uint8Array(8);
    FileEndOfFileInformation.write(new Frame(size), 0, { endOfFile: 0n });
    for (const flags of [ExclusiveLock | FailImmediately, FailImmediately | LockFlags.SharedLock]) {
      assert.equal((await first.ask(locking(a, 0n, 0n, flags))).status, NtStatus.Success);
    }
    assert.equal((await second.ask(setting(b, FileInformationClass.EndOfFile, size))).status, NtStatus.Success);
    for (let i = 0; i < 2; i++) assert.equal((await first.ask(locking(a, 0n, 0n, Unlock))).status, NtStatus.Success);
    assert.equal((await first.ask(locking(a, 0n, 0n, Unlock))).status, NtStatus.RangeNotLocked);
    await nothingIsLeft(server);
  });

  test('a request above the limit of waiting requests fails, and the others continue to wait', async () => {
    const server = testServer({ limits: { maxAsync: 3 } });
    const first = await RawClient.at(server);
    const a = idsOf(await first.create('file'));
    const b = idsOf(await first.create('file'));
    await first.ask(locking(a, ...all, ExclusiveLock | FailImmediately));
    for (let i = 0; i < 3; i++) assert.equal((await first.ask(locking(b, ...all, ExclusiveLock))).status, NtStatus.Pending);
    assert.equal((await first.ask(locking(b, ...all, ExclusiveLock))).status, NtStatus.InsufficientResources);
    await nothingIsLeft(server);
  });
});
