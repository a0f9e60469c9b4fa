import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock, type MaybePromise } from '@ring3/kit';
import { fileGenericRead, fileGenericWrite, NtStatus, ShareAccess } from '@ring3/smb-proto';
import fc from 'fast-check';
import { leavesLockSpace, locksExclude, rangesOverlap } from '../state/byte-range-locks.ts';
import type { HeldOplock, Level } from '../state/caching.ts';
import type { OpenInput } from '../state/file-state.ts';
import { readsFreely, writesFreely } from '../state/guard.ts';
import type { FileState, LocalFileStateOptions } from '../state/index.ts';
import type { OplockBreakEffect } from '../state/oplocks.ts';

const all = ShareAccess.Read | ShareAccess.Write | ShareAccess.Delete;

/** What every state of files must do, MS-FSA 2.1.4.12, 2.1.5.1 to 2.1.5.19. @param create makes a state that answers within the call */
export function fileStateContract(create: (options: LocalFileStateOptions) => FileState): void {
  /** The state of one file, with a clock and the notifications that holders got. */
  function stage({ present = true } = {}) {
    const clock = new FakeClock();
    const breaks: OplockBreakEffect[] = [];
    const doomed: number[] = [];
    const state = create({
      clock,
      oplockBreakMs: () => 35_000,
      effects: (batch) => {
        for (const effect of batch) {
          if (effect.kind === 'deleting') doomed.push(...effect.openIds);
          if (effect.kind !== 'break') continue;
          const { kind: _kind, fileId, ...notice } = effect;
          breaks.push(notice);
          if (!present && notice.acknowledge) void state.submit(fileId, { kind: 'expire', owner: notice.owner });
        }
      },
    });
    let ticket = 1000;
    const open = (openId: number, more: Partial<OpenInput> = {}): MaybePromise<NtStatus> => {
      const access = more.access ?? fileGenericRead | fileGenericWrite;
      return state.submit('f', {
        kind: 'open',
        openId,
        owner: openId,
        access,
        checkedAccess: access,
        shareAccess: all,
        deleteOnClose: false,
        overwrites: false,
        ...more,
      });
    };
    const range = (offset: number, length: number, exclusive = true) => ({ offset: BigInt(offset), length: BigInt(length), exclusive });
    return {
      clock,
      breaks,
      doomed,
      state,
      open,
      range,
      close: (openId: number) => state.submit('f', { kind: 'close', openId }),
      oplock: (openId: number, level: HeldOplock) => state.submit('f', { kind: 'oplock', openId, level }),
      acknowledge: (owner: number, level: Level) => state.submit('f', { kind: 'acknowledge', owner, level }),
      lock: (openId: number, ranges: ReturnType<typeof range>[], wait = true) =>
        state.submit('f', { kind: 'lock', openId, ticket: ++ticket, ranges, wait }),
      unlock: (openId: number, ranges: ReturnType<typeof range>[]) => state.submit('f', { kind: 'unlock', openId, ranges }),
      cancel: (status: NtStatus) => state.submit('f', { kind: 'cancel', ticket, status }),
      ask: (openId: number, operation: 'read' | 'write', offset = 0, length = 1) =>
        state.submit('f', { kind: 'access', openId, ticket: ++ticket, operation, offset, length }),
    };
  }

  /** Whether a promise is still waiting after everything that can run now has run. */
  async function waits(answer: MaybePromise<unknown>): Promise<boolean> {
    assert.ok(answer instanceof Promise);
    const pending = Symbol('pending');
    await new Promise(setImmediate);
    return (await Promise.race([answer, pending])) === pending;
  }

  test('an open that meets a batch oplock waits until it is acknowledged; the share modes decide afterwards (MS-FSA 2.1.5.1.2)', async () => {
    const { open, oplock, breaks, acknowledge } = stage();
    open(1, { shareAccess: 0 });
    assert.equal(oplock(1, 'batch'), 'batch');
    const second = open(2);
    assert.ok(await waits(second));
    assert.deepEqual(breaks, [{ owner: 1, from: 'batch', level: 'levelII', acknowledge: true, epoch: 0 }]);
    assert.equal(acknowledge(1, 'levelII'), 'accepted');
    assert.equal(await second, NtStatus.SharingViolation);
  });

  test('a holder of a batch oplock that only cached its close closes, and the open continues (MS-FSA 2.1.5.1.2)', async () => {
    const { open, oplock, close } = stage();
    open(1, { shareAccess: 0 });
    oplock(1, 'batch');
    const second = open(2);
    close(1);
    assert.equal(await second, NtStatus.Success);
  });

  test('an open that fails with a share mode conflict does not break an exclusive oplock (MS-FSA 2.1.5.1.2)', () => {
    const { open, oplock, breaks } = stage();
    open(1, { shareAccess: 0 });
    oplock(1, 'exclusive');
    assert.equal(open(2), NtStatus.SharingViolation);
    assert.deepEqual(breaks, []);
  });

  test('an open for attributes only breaks no oplock and does not keep one from being granted (MS-FSA 2.1.4.12)', () => {
    const { open, oplock, breaks } = stage();
    assert.equal(open(1, { access: 0x100180 }), NtStatus.Success);
    open(2);
    assert.equal(oplock(2, 'batch'), 'batch');
    assert.equal(open(3, { access: 0x100180 }), NtStatus.Success);
    assert.deepEqual(breaks, []);
  });

  test('a break that is not acknowledged ends after its time, and no sooner (MS-SMB2 3.3.2.1, 3.3.6.1)', async () => {
    const { open, oplock, clock } = stage();
    open(1);
    oplock(1, 'exclusive');
    const second = open(2);
    clock.advance(34_999);
    assert.ok(await waits(second));
    clock.advance(1);
    assert.equal(await second, NtStatus.Success);
    assert.equal(clock.pending, 0);
  });

  test('the timer of a break ends with the break', async () => {
    for (const end of ['acknowledge', 'close'] as const) {
      const { open, oplock, clock, acknowledge, close } = stage();
      open(1);
      oplock(1, 'batch');
      const second = open(2);
      assert.equal(clock.pending, 1);
      if (end === 'close') close(1);
      else acknowledge(1, 'none');
      assert.equal(clock.pending, 0);
      assert.equal(await second, NtStatus.Success);
    }
  });

  test('a disconnected holder is not waited for (MS-SMB2 3.3.4.6)', async () => {
    const { open, oplock, clock } = stage({ present: false });
    open(1);
    oplock(1, 'batch');
    assert.equal(await open(2), NtStatus.Success);
    assert.equal(clock.pending, 0);
  });

  test('an open that waits for a break can be cancelled, and leaves nothing behind (MS-SMB2 3.3.5.16)', async () => {
    const { open, oplock, state, close } = stage();
    open(1);
    oplock(1, 'batch');
    const second = open(2);
    assert.equal(state.submit('f', { kind: 'cancel', ticket: 2, status: NtStatus.Cancelled }), true);
    assert.equal(await second, NtStatus.Cancelled);
    assert.equal(state.submit('f', { kind: 'cancel', ticket: 2, status: NtStatus.Cancelled }), false);
    close(1);
    assert.equal(state.totals.files, 0);
  });

  test('an open that waits for a break of a file that is then deleted fails with DELETE_PENDING (MS-FSA 2.1.5.1.2)', async () => {
    const { open, oplock, close, state } = stage();
    open(1, { deleteOnClose: true });
    oplock(1, 'batch');
    const second = open(2);
    assert.deepEqual(close(1), { unlink: true });
    assert.equal(await second, NtStatus.DeletePending);
    assert.equal(state.submit('f', { kind: 'query' }) instanceof Promise, false);
  });

  test('the opens of a file are notified once when it becomes delete-pending (MS-FSA 2.1.5.15.3)', () => {
    const { open, close, doomed, state } = stage();
    open(1);
    open(2, { deleteOnClose: true });
    state.submit('f', { kind: 'disposition', openId: 1, deletePending: false });
    assert.deepEqual(doomed, []);
    close(2);
    assert.deepEqual(doomed, [1]);
    state.submit('f', { kind: 'disposition', openId: 1, deletePending: true });
    assert.deepEqual(doomed, [1]);
  });

  test('waiting locks are granted in their order, when the conflicting ones are released (MS-FSA 2.1.5.8)', async () => {
    const { open, lock, unlock, range } = stage();
    for (const id of [1, 2, 3, 4]) open(id);
    lock(1, [range(0, 10)]);
    const order: number[] = [];
    const waiting = [2, 3, 4].map((id) => Promise.resolve(lock(id, [range(id, 4)])).then(() => order.push(id)));
    assert.ok(await waits(waiting[0]));
    unlock(1, [range(0, 10)]);
    await waiting[0];
    assert.deepEqual(order, [2], 'the next ones overlap it');
    unlock(2, [range(2, 4)]);
    await waiting[1];
    unlock(3, [range(3, 4)]);
    await waiting[2];
    assert.deepEqual(order, [2, 3, 4]);
  });

  test('a lock that may wait does not overtake waiting ones; one that must not wait is decided by the held locks', async () => {
    const { open, lock, unlock, range } = stage();
    for (const id of [1, 2, 3, 4]) open(id);
    lock(1, [range(0, 10, false)]);
    const writer = lock(2, [range(0, 10)]);
    const reader = lock(3, [range(0, 10, false)]);
    assert.ok(await waits(reader), 'else readers could keep a writer waiting for ever');
    assert.equal(lock(4, [range(0, 10, false)], false), NtStatus.Success);
    unlock(4, [range(0, 10, false)]);
    assert.equal(lock(1, [range(0, 10, false)]), NtStatus.Success, 'the writer waits for this open: it must not wait for the writer');
    unlock(1, [range(0, 10, false)]);
    unlock(1, [range(0, 10, false)]);
    assert.equal(await writer, NtStatus.Success);
    assert.ok(await waits(reader));
    unlock(2, [range(0, 10)]);
    assert.equal(await reader, NtStatus.Success);
  });

  test('closing releases all locks of the open, and waiting locks are granted (MS-FSA 2.1.5.5)', async () => {
    const { open, lock, close, range } = stage();
    open(1);
    open(2);
    lock(1, [range(0, 1), range(5, 1)], false);
    const waiting = lock(2, [range(0, 10)]);
    assert.ok(await waits(waiting));
    close(1);
    assert.equal(await waiting, NtStatus.Success);
  });

  test('only the cancelled lock of several waiting ones ends (MS-SMB2 3.3.5.16)', async () => {
    const { open, lock, cancel, unlock, range } = stage();
    open(1);
    open(2);
    lock(1, [range(0, 1)]);
    const first = lock(2, [range(0, 1)]);
    const second = lock(2, [range(0, 1)]);
    assert.equal(cancel(NtStatus.Cancelled), true);
    assert.equal(await second, NtStatus.Cancelled);
    unlock(1, [range(0, 1)]);
    assert.equal(await first, NtStatus.Success);
  });

  test('a file accepts 16,384 locks, and one more fails with INSUFFICIENT_RESOURCES', () => {
    const { open, lock, unlock, range } = stage();
    open(1);
    const ranges = Array.from({ length: 4096 }, (_, i) => range(i, 1, false));
    const shared = { ...range(0, 0), exclusive: false };
    for (let i = 0; i < 4; i++) assert.equal(lock(1, ranges, false), NtStatus.Success);
    assert.equal(lock(1, [shared], false), NtStatus.InsufficientResources);
    unlock(1, ranges.slice(0, 1));
    assert.equal(lock(1, [shared], false), NtStatus.Success);
  });

  test('reading and writing check the locks, and fail with FILE_LOCK_CONFLICT (MS-FSA 2.1.5.3, 2.1.5.4)', () => {
    const { open, lock, ask, range } = stage();
    open(1);
    open(2);
    lock(1, [range(0, 10)]);
    assert.equal(ask(2, 'read', 9, 1), NtStatus.FileLockConflict);
    assert.equal(ask(2, 'write', 0, 100), NtStatus.FileLockConflict);
    assert.equal(ask(2, 'read', 10, 1), NtStatus.Success);
    assert.equal(ask(1, 'write', 0, 10), NtStatus.Success);
    assert.equal(lock(2, [range(0, 1)], false), NtStatus.LockNotGranted);
  });

  test('looking at a file without opens leaves nothing behind', () => {
    const { state } = stage();
    assert.ok(writesFreely(state.guardOf('f'), 1));
    state.submit('f', { kind: 'query' });
    state.submit('f', { kind: 'cancel', ticket: 1, status: NtStatus.Cancelled });
    assert.equal(state.totals.files, 0);
  });

  test('the guard shows when no check is needed', () => {
    const { open, oplock, lock, unlock, ask, close, state, range } = stage();
    open(1);
    const guard = state.guardOf('f');
    assert.ok(writesFreely(guard, 1));
    oplock(1, 'batch');
    assert.deepEqual([readsFreely(guard, 1), writesFreely(guard, 1), readsFreely(guard, 2)], [true, true, false]);
    close(1);
    open(1);
    oplock(1, 'levelII');
    const fresh = state.guardOf('f');
    assert.deepEqual([readsFreely(fresh, 2), writesFreely(fresh, 1)], [true, false]);
    ask(1, 'write');
    assert.ok(writesFreely(fresh, 1), 'the oplock of level II is broken');
    lock(1, [range(0, 1, false)]);
    assert.ok(!readsFreely(fresh, 1));
    unlock(1, [range(0, 1, false)]);
    assert.ok(readsFreely(fresh, 1));
  });

  test('an acknowledgment without a break is reported as such (MS-SMB2 3.3.5.22.1)', () => {
    const { open, oplock, acknowledge } = stage();
    open(1);
    assert.equal(acknowledge(1, 'none'), 'notBreaking');
    oplock(1, 'levelII');
    assert.equal(acknowledge(1, 'none'), 'notBreaking');
  });

  test('no open waits for a lock that is free, none holds one that another excludes, and in the end nothing is left', async () => {
    const step = fc.record({
      open: fc.integer({ min: 1, max: 4 }),
      what: fc.constantFrom('lock', 'lock', 'lock', 'unlock', 'unlock', 'close'),
      at: fc.integer({ min: 0, max: 4 }),
      length: fc.integer({ min: 0, max: 4 }),
      exclusive: fc.boolean(),
      wait: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const { open, lock, unlock, close, state, range } = stage();
        for (const id of [1, 2, 3, 4]) open(id);
        const asked: { id: number; range: ReturnType<typeof range>; status: NtStatus | undefined; ended: boolean }[] = [];
        for (const { open: id, what, at, length, exclusive, wait } of steps) {
          const wanted = range(at, length, exclusive);
          if (what === 'lock') {
            const one: (typeof asked)[number] = { id, range: wanted, status: undefined, ended: false };
            asked.push(one);
            const answer = lock(id, [wanted], wait);
            if (answer instanceof Promise) void answer.then((status) => (one.status = status));
            else one.status = answer;
          } else if (what === 'unlock' && unlock(id, [wanted]) === NtStatus.Success) {
            const mine = asked.filter(
              (one) =>
                one.id === id &&
                one.status === NtStatus.Success &&
                !one.ended &&
                one.range.offset === wanted.offset &&
                one.range.length === wanted.length,
            );
            const gone = mine.find((one) => one.range.exclusive) ?? mine[0];
            assert.ok(gone !== undefined);
            gone.ended = true;
          } else if (what === 'close') {
            close(id);
            for (const one of asked) if (one.id === id) one.ended = true;
            open(id);
          }
          await Promise.resolve();
          await Promise.resolve();
          const held = asked.filter((one) => one.status === NtStatus.Success && !one.ended);
          for (const one of held) {
            for (const other of held) {
              if (other.id === one.id || !rangesOverlap(one.range, other.range)) continue;
              assert.ok(!locksExclude(one.range, false, other.range), 'two opens have what excludes each other');
            }
          }
          const waiting = asked.filter((one) => one.status === undefined && !one.ended);
          const first = waiting[0];
          if (first !== undefined && !leavesLockSpace(first.range)) {
            const inTheWay = held.some(
              (one) => locksExclude(one.range, one.id === first.id, first.range) && rangesOverlap(one.range, first.range),
            );
            assert.ok(inTheWay, 'the first that waits has something to wait for');
          }
        }
        for (const id of [1, 2, 3, 4]) close(id);
        await Promise.resolve();
        assert.equal(state.totals.files, 0);
      }),
    );
  });

  test('looking at an open shows what it holds, and nothing for an unknown one', () => {
    const { state, open, oplock, lock, range } = stage();
    const nothing = { oplock: 'none', breaking: false, epoch: 0, locks: [], deletePending: false };
    const look = (openId: number) => {
      const { entry, ...shown } = state.look('f', openId);
      assert.equal(entry?.openId, openId);
      return shown;
    };
    assert.deepEqual(state.look('f', 1), { ...nothing, entry: undefined });
    open(1);
    oplock(1, 'batch');
    assert.deepEqual(look(1), { ...nothing, oplock: 'batch' });
    open(2, { access: 0x80, checkedAccess: 0x80 });
    lock(1, [range(5, 1), range(0, 2, false)], false);
    assert.deepEqual(look(1), { ...nothing, oplock: 'batch', locks: [range(5, 1), range(0, 2, false)] });
    assert.deepEqual(look(2), nothing);
    state.submit('f', { kind: 'disposition', openId: 2, deletePending: true });
    assert.equal(state.look('f', 2).deletePending, true);
    assert.equal(state.look('g', 1).deletePending, false);
  });

  test('the totals are what was taken and not released, and looking changes nothing', async () => {
    const { state, open, oplock, lock, range, close } = stage();
    const nothing = { files: 0, locks: 0, oplocks: 0 };
    assert.deepEqual(state.totals, nothing);
    state.look('f', 1);
    assert.deepEqual(state.totals, nothing);
    open(1);
    oplock(1, 'levelII');
    open(2);
    lock(2, [range(0, 1), range(1, 1)], false);
    assert.deepEqual(state.totals, { files: 1, locks: 2, oplocks: 0 }, 'a lock breaks level II');
    oplock(1, 'levelII');
    state.submit('folder', { kind: 'reserve', ticket: 77, name: 'NEW' });
    assert.deepEqual(state.totals, { files: 2, locks: 2, oplocks: 0 });
    state.submit('folder', { kind: 'release', ticket: 77 });
    close(2);
    oplock(1, 'batch');
    assert.deepEqual(state.totals, { files: 1, locks: 0, oplocks: 1 });
    close(1);
    assert.deepEqual(state.totals, nothing);
  });
}
