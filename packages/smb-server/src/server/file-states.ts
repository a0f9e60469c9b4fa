import { NtStatus } from '@ring3/smb-proto';
import type { Vfs } from '@ring3/vfs';
import { fieldsOf } from '../objects/debug.ts';
import { OutsideChanges } from '../objects/outside-changes.ts';
import type { Store } from '../objects/shares.ts';
import type { Effect, FileState, LocalFileStateOptions, StateTotals } from '../state/index.ts';
import { debugStore } from './debug-store.ts';
import { notifyBreak } from './oplock-breaks.ts';
import type { RunningServer } from './running-server.ts';

/** Makes the state of a store's files. */
export type CreateFileState = (environment: LocalFileStateOptions) => FileState;

/** The states of the files of all stores: makes them, and does what follows from their changes. */
export class FileStates {
  readonly #server: RunningServer;
  readonly #create: CreateFileState;
  readonly #states = new Set<WeakRef<FileState>>();

  constructor(server: RunningServer, create: CreateFileState) {
    this.#server = server;
    this.#create = create;
  }

  /** A store with the state of its files. */
  storeOf(vfs: Vfs): Store {
    const { clock, debug, watched } = this.#server;
    const state = this.#create({
      clock,
      oplockBreakMs: () => this.#server.limits.oplockBreakMs,
      effects: (batch, from) => {
        for (const effect of batch) this.#apply(effect, from);
      },
    });
    this.#states.add(new WeakRef(state));
    const own = { calls: 0 };
    return { vfs: debugStore(vfs, debug, clock, own), state, outside: new OutsideChanges(state, clock, watched, own) };
  }

  /** Of all stores whose files are still in use. */
  get totals(): StateTotals {
    const totals = { files: 0, locks: 0, oplocks: 0 };
    for (const reference of this.#states) {
      const state = reference.deref();
      if (state === undefined) this.#states.delete(reference);
      for (const [name, count] of Object.entries(state?.totals ?? {})) totals[name as keyof StateTotals] += count;
    }
    return totals;
  }

  #apply(effect: Effect, state: FileState): void {
    const { heldBreaks, undecided, opens, numbers, breaks, debug } = this.#server;
    switch (effect.kind) {
      case 'break': {
        const { fileId, owner, acknowledge, level } = effect;
        if (!acknowledge) this.#saveOwner(owner);
        const deliver = (): void => {
          const outcome = notifyBreak(this.#server, effect);
          if (!acknowledge || outcome === 'notified') return;
          if (outcome === 'lost') void state.submit(fileId, { kind: 'expire', owner });
          else void state.submit(fileId, { kind: 'acknowledge', owner, level });
          this.#saveOwner(owner);
        };
        if (!heldBreaks.keep(owner, deliver)) deliver();
        return;
      }
      case 'waits':
        undecided.get(effect.ticket)?.();
        return;
      case 'deleting':
        for (const openId of effect.openIds) opens.get(openId)?.watch?.end(NtStatus.DeletePending);
        return;
      case 'expired':
        numbers.oplockBreaksExpired++;
        breaks.expired(effect.owner);
        if (debug.on.oplock) debug.say('oplock', 'not acknowledged in time', fieldsOf(opens.get(effect.owner)));
        this.#saveOwner(effect.owner);
    }
  }

  /** An oplock or lease has another level, of which its client need not be sure: the stored persistent opens are updated. */
  #saveOwner(owner: number): void {
    const { persistence, defer, leases, opens } = this.#server;
    if (persistence.size === 0) return;
    defer(() => {
      const lease = leases.byId(owner);
      const open = opens.get(owner);
      if (lease !== undefined) void persistence.saveLease(lease);
      else if (open !== undefined) void persistence.save(open);
    });
  }
}
