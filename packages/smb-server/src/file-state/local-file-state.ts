import type { MaybePromise } from '@ring3/kit';
import type { DecisionOf, Decisions, FileState, Input } from './file-state.ts';
import { FileRecord } from './record.ts';
import { close, conflict, disposition, open, query, withdraw } from './transitions.ts';

const transitions: {
  readonly [K in keyof Decisions]: (record: FileRecord, input: Decisions[K]['input']) => MaybePromise<Decisions[K]['decision']>;
} = {
  open,
  close,
  withdraw,
  disposition,
  conflict,
  query,
};

/** The state of files in this process: a map, answering at once. A record is there as long as something is known about the file. */
export class LocalFileState implements FileState {
  readonly #records = new Map<string, FileRecord>();
  readonly #reserved = new Map<string, (() => void)[]>();

  submit<I extends Input>(fileId: string, input: I): MaybePromise<DecisionOf<I>> {
    let record = this.#records.get(fileId);
    if (record === undefined) {
      record = new FileRecord();
      this.#records.set(fileId, record);
    }
    const transition = transitions[input.kind] as (record: FileRecord, input: Input) => MaybePromise<DecisionOf<I>>;
    const decision = transition(record, input);
    if (record.idle) this.#records.delete(fileId);
    return decision;
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

  /** Files about which something is known: zero when nobody has anything open. */
  get size(): number {
    return this.#records.size + this.#reserved.size;
  }
}
