import { type Clock, type MaybePromise, systemClock } from '@ring3/kit';
import type { DecisionOf, Decisions, FileState, Input, OpenState, StateTotals } from './file-state.ts';
import type { Guard } from './guard.ts';
import type { OplockBreakEffect, OplockOwner } from './oplocks.ts';
import { FileRecord, type Waiting } from './record.ts';
import * as rules from './transitions.ts';
import { undecided } from './transitions.ts';

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
  cancel: rules.cancel,
};

/** The environment of the state of files. */
export interface LocalFileStateOptions {
  readonly clock: Clock;
  /** Time that a holder has to acknowledge the break of its oplock, ms. */
  readonly oplockBreakMs: () => number;
  /** Notifies a holder of the break. @returns whether there is a client to notify */
  readonly broken: (effect: OplockBreakEffect) => boolean;
  /** A holder did not acknowledge in time. */
  readonly expired?: (owner: OplockOwner) => void;
  /** Notifies these opens that their file will be deleted: requests that wait for its changes end. */
  readonly deleting: (openIds: readonly number[]) => void;
}

const alone: LocalFileStateOptions = { clock: systemClock, oplockBreakMs: () => 35_000, broken: () => false, deleting: () => {} };

/** The guard of a file that has no open. */
const newGuard = (): Guard => ({ locks: 0, readers: 0, onlyLease: 0, exclusive: 0, archived: false, written: false });

/** The state of files in this process: a map that decides synchronously. A record exists as long as something is known about the file. */
export class LocalFileState implements FileState {
  readonly #options: LocalFileStateOptions;
  readonly #records = new Map<string, FileRecord>();
  readonly #reserved = new Map<string, (() => void)[]>();

  constructor(options: LocalFileStateOptions = alone) {
    this.#options = options;
  }

  submit<I extends Input>(fileId: string, input: I): MaybePromise<DecisionOf<I>> {
    const record = this.#recordOf(fileId);
    const deletePending = record.deleted.size > 0;
    const decision = decide(record, input);
    const answer =
      decision === undecided
        ? new Promise<DecisionOf<I>>((decided) => record.waiting.push({ input, decided: decided as Waiting['decided'] }))
        : (decision as DecisionOf<I>);
    if (input.kind !== 'query' && input.kind !== 'coverage') this.#settle(fileId, record);
    if (record.deleted.size > 0 && !deletePending && record.opens.size > 0) this.#options.deleting([...record.opens.keys()]);
    if (record.idle) this.#records.delete(fileId);
    return answer;
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
    const { oplocks, locks, deleted, opens } = record;
    const held = oplocks.of(record.ownerOf(openId));
    return {
      oplock: held?.level ?? 'none',
      breaking: held?.breaking !== undefined,
      epoch: held?.epoch ?? 0,
      locks: locks.of(openId),
      deletePending: deleted.has(opens.get(openId)?.name),
      entry: opens.get(openId),
    };
  }

  get totals(): StateTotals {
    const totals = { files: this.size, locks: 0, oplocks: 0 };
    for (const { locks, oplocks } of this.#records.values()) {
      totals.locks += locks.size;
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
    for (const effect of breaks) this.#break(fileId, record, effect);
  }

  #break(fileId: string, { timers }: FileRecord, effect: OplockBreakEffect): void {
    const { owner, acknowledge } = effect;
    const { broken, clock, oplockBreakMs, expired } = this.#options;
    const expire = (): void => void this.submit(fileId, { kind: 'expire', owner });
    const late = (): void => {
      expired?.(owner);
      expire();
    };
    if (acknowledge) {
      timers.get(owner)?.clear();
      timers.set(owner, clock.after(oplockBreakMs(), late));
    }
    if (!broken(effect) && acknowledge) expire();
  }

  reserve(parentId: string, foldedName: string): MaybePromise<() => void> {
    const name = `${parentId}\0${foldedName}`;
    const waiting = this.#reserved.get(name);
    const release = (): void => this.#release(name);
    if (waiting === undefined) {
      this.#reserved.set(name, []);
      return release;
    }
    return new Promise((resolve) => waiting.push(() => resolve(release)));
  }

  #release(name: string): void {
    const next = this.#reserved.get(name)?.shift();
    if (next === undefined) this.#reserved.delete(name);
    else next();
  }

  /** Files with a known state: zero when nothing is open. */
  get size(): number {
    return this.#records.size + this.#reserved.size;
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
