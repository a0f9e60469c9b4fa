import { type Clock, type MaybePromise, systemClock } from '@ring3/kit';
import type { DecisionOf, Decisions, Effect, FileState, Input, OpenState, StateTotals } from './file-state.ts';
import type { Guard } from './guard.ts';
import type { OplockOwner } from './oplocks.ts';
import { FileRecord, type Waiting } from './record.ts';
import * as rules from './transitions.ts';
import { ticketOf, undecided } from './transitions.ts';

type Transition<I, D> = (record: FileRecord, input: I) => D | typeof undecided;

const transitions: { readonly [K in keyof Decisions]: Transition<Decisions[K]['input'], Decisions[K]['decision']> } = {
  open: rules.open,
  close: rules.close,
  withdraw: rules.withdraw,
  takeOut: rules.takeOut,
  disposition: rules.disposition,
  conflict: rules.conflict,
  query: rules.query,
  lock: rules.lock,
  unlock: rules.unlock,
  coverage: rules.coverage,
  access: rules.access,
  notice: rules.notice,
  oplock: rules.oplock,
  lease: rules.lease,
  acknowledge: rules.acknowledge,
  expire: rules.expire,
  restore: rules.restore,
  reserve: rules.reserve,
  release: rules.release,
  cancel: rules.cancel,
};

/** The environment of the state of files. */
export interface LocalFileStateOptions {
  readonly clock: Clock;
  /** Time that a holder has to acknowledge the break of its oplock, ms. */
  readonly oplockBreakMs: () => number;
  /** Receives what happened, after each input that had an effect. */
  readonly effects: (batch: readonly Effect[], state: FileState) => void;
}

/** Without clients that could be notified: every break ends at once. */
const alone: LocalFileStateOptions = {
  clock: systemClock,
  oplockBreakMs: () => 35_000,
  effects: (batch, state) => {
    for (const effect of batch) {
      if (effect.kind === 'break' && effect.acknowledge) void state.submit(effect.fileId, { kind: 'expire', owner: effect.owner });
    }
  },
};

/** The guard of a file that has no open. */
const newGuard = (): Guard => ({ locks: 0, readers: 0, onlyLease: 0, exclusive: 0, archived: false, written: false });

/** The state of files in this process: a map that decides synchronously. A record exists as long as something is known about the file. */
export class LocalFileState implements FileState {
  readonly decidesAtOnce = true;
  readonly #options: LocalFileStateOptions;
  readonly #records = new Map<string, FileRecord>();

  constructor(options: LocalFileStateOptions = alone) {
    this.#options = options;
  }

  submit<I extends Input>(fileId: string, input: I): MaybePromise<DecisionOf<I>> {
    const record = this.#recordOf(fileId);
    const deletePending = record.deleted.size > 0;
    const decision = decide(record, input);
    const answer = decision === undecided ? this.#wait<I>(fileId, record, input) : (decision as DecisionOf<I>);
    if (input.kind !== 'query' && input.kind !== 'coverage') this.#settle(fileId, record);
    if (record.deleted.size > 0 && !deletePending && record.opens.size > 0) {
      this.#options.effects([{ kind: 'deleting', fileId, openIds: [...record.opens.keys()] }], this);
    }
    if (record.idle) this.#records.delete(fileId);
    return answer;
  }

  #wait<I extends Input>(fileId: string, record: FileRecord, input: I): Promise<DecisionOf<I>> {
    this.#options.effects([{ kind: 'waits', fileId, ticket: ticketOf(input) }], this);
    return new Promise((decided) => record.waiting.push({ input, decided: decided as Waiting['decided'] }));
  }

  guardOf(fileId: string): Guard {
    return this.#records.get(fileId)?.guard ?? newGuard();
  }

  knownGuard(fileId: string): Guard | undefined {
    return this.#records.get(fileId)?.guard;
  }

  look(fileId: string, openId: number): OpenState {
    const record = this.#records.get(fileId);
    if (record === undefined) return { oplock: 'none', breaking: false, epoch: 0, locks: [], deletePending: false, entry: undefined };
    const { oplocks, lockCount, deleted, opens } = record;
    const held = oplocks.of(record.ownerOf(openId));
    return {
      oplock: held?.level ?? 'none',
      breaking: held?.breaking !== undefined,
      epoch: oplocks.epochOf(record.ownerOf(openId)),
      locks: lockCount > 0 ? record.locks.of(openId) : [],
      deletePending: deleted.has(opens.get(openId)?.name),
      entry: opens.get(openId),
    };
  }

  get totals(): StateTotals {
    const totals = { files: this.size, locks: 0, oplocks: 0 };
    for (const { lockCount, oplocks } of this.#records.values()) {
      totals.locks += lockCount;
      totals.oplocks += oplocks.size;
    }
    return totals;
  }

  #recordOf(fileId: string): FileRecord {
    let record = this.#records.get(fileId);
    if (record === undefined) {
      record = new FileRecord();
      this.#records.set(fileId, record);
    }
    return record;
  }

  /** After a change: waiting inputs are checked again, in order; then holders are notified. */
  #settle(fileId: string, record: FileRecord): void {
    for (let i = 0; i < record.waiting.length; ) {
      const { input, decided } = record.waiting[i] as Waiting;
      const decision = decide(record, input);
      if (decision === undecided) i++;
      else {
        record.waiting.splice(i, 1);
        decided(decision);
      }
    }
    record.refresh();
    if (record.timers.size > 0) stopTimers(record);
    const { breaks } = record;
    if (breaks.length === 0) return;
    record.breaks = [];
    for (const { owner, acknowledge } of breaks) if (acknowledge) this.#limitTime(fileId, record, owner);
    this.#options.effects(
      breaks.map((effect) => ({ kind: 'break', fileId, ...effect })),
      this,
    );
  }

  /** A break that is not acknowledged in time ends as if it had been. */
  #limitTime(fileId: string, { timers }: FileRecord, owner: OplockOwner): void {
    const { clock, oplockBreakMs, effects } = this.#options;
    const late = (): void => {
      effects([{ kind: 'expired', fileId, owner }], this);
      void this.submit(fileId, { kind: 'expire', owner });
    };
    timers.get(owner)?.clear();
    timers.set(owner, clock.after(oplockBreakMs(), late));
  }

  /** Files with a known state: zero when nothing is open. */
  get size(): number {
    return this.#records.size;
  }
}

/** Ends the time limits of breaks that are over. */
function stopTimers({ oplocks, timers }: FileRecord): void {
  for (const [owner, timer] of timers) {
    if (oplocks.of(owner)?.breaking !== undefined) continue;
    timer.clear();
    timers.delete(owner);
  }
}

const decide = (record: FileRecord, input: Input): unknown => (transitions[input.kind] as Transition<Input, unknown>)(record, input);
