import { NtStatus } from '@ring3/smb-proto';
import { type Change, type Handle, isCode, type Watch } from '@ring3/vfs';
import { encodeTold, lengthOf, shownChange, type Told, tellChange } from './changes.ts';

/** What a CHANGE_NOTIFY request comes to: the buffer of its answer, or a status. */
export type Notified = Uint8Array | NtStatus;

/** Books what is kept for a user: bytes more, or less. @returns false if that is too much; then nothing was booked */
export type BookKept = (bytes: number) => boolean;

interface Waiting {
  readonly room: number;
  answer(notified: Notified): void;
}

/** More entries than this are not kept, however much room the client has. */
const mostKept = 4096;

/**
 * What one open watches, MS-FSA 2.1.5.11: what its first request asked for stays; changes between two requests are kept as far as the first one had room,
 * beyond that the client has to look itself (STATUS_NOTIFY_ENUM_DIR).
 */
export class ChangeWatch {
  readonly #completionFilter: number;
  readonly #room: number;
  readonly #vetoed: ((name: string) => boolean) | undefined;
  readonly #book: BookKept;
  readonly #waiting: Waiting[] = [];
  #told: Told[] = [];
  /** What they take in an answer, each up to the start of the next. */
  #bytes = 0;
  #lost = false;
  /** Ends every later request too: the folder is going to be deleted. */
  #ended: NtStatus | undefined;
  #watch: Watch | undefined;
  #listening: Set<ChangeWatch> | undefined;

  /**
   * @param room bytes that the first request has for its answer
   * @param book what is kept counts for its user
   * @param vetoed names of which nothing is told
   */
  constructor(completionFilter: number, room: number, book: BookKept, vetoed?: (name: string) => boolean) {
    this.#book = book;
    this.#completionFilter = completionFilter;
    this.#room = room;
    this.#vetoed = vetoed;
  }

  /** Starts to listen, where the store tells changes. @param listening where it is as long as it does */
  async listen(handle: Handle, recursive: boolean, listening: Set<ChangeWatch>): Promise<void> {
    const watch = await handle.watch?.({ recursive }, (change) => this.tell(change));
    if (watch === undefined || isCode(watch)) return;
    if (this.#ended !== undefined) {
      watch.close();
      return;
    }
    this.#watch = watch;
    this.#listening = listening.add(this);
  }

  /** Takes a request: answered at once if something is kept. @returns how to take it back */
  ask(room: number, answer: (notified: Notified) => void): (status: NtStatus) => void {
    if (this.#ended !== undefined) {
      answer(this.#ended);
      return () => {};
    }
    const waiting: Waiting = { room, answer };
    this.#waiting.push(waiting);
    this.#flush();
    return (status) => {
      const at = this.#waiting.indexOf(waiting);
      if (at < 0) return;
      this.#waiting.splice(at, 1);
      answer(status);
    };
  }

  /** A change has happened. */
  tell(change: Change): void {
    if (this.#ended !== undefined) return;
    const shown = this.#vetoed === undefined ? change : shownChange(change, this.#vetoed);
    if (shown === undefined) return;
    if (shown.what === 'overflow') this.#lose();
    else this.#keep(tellChange(shown, this.#completionFilter));
    this.#flush();
  }

  #keep(told: readonly Told[]): void {
    for (const one of told) {
      const last = this.#told.at(-1);
      if (this.#lost || (last?.action === one.action && last.fileName === one.fileName)) continue;
      const length = (lengthOf(one) + 3) & ~3;
      if (this.#told.length >= mostKept || this.#bytes + lengthOf(one) > this.#room || !this.#book(length)) this.#lose();
      else {
        this.#told.push(one);
        this.#bytes += length;
      }
    }
  }

  #lose(): void {
    this.#forget();
    this.#lost = true;
  }

  #forget(): void {
    this.#told = [];
    if (this.#bytes > 0) this.#book(-this.#bytes);
    this.#bytes = 0;
  }

  #flush(): void {
    if (!this.#lost && this.#told.length === 0) return;
    const first = this.#waiting.shift();
    if (first === undefined) return;
    const buffer = this.#lost ? undefined : encodeTold(this.#told);
    this.#forget();
    this.#lost = false;
    first.answer(buffer === undefined || buffer.length > first.room ? NtStatus.NotifyEnumDir : buffer);
  }

  /** Ends all requests, those to come too, and stops to listen. */
  end(status: NtStatus): void {
    if (this.#ended !== undefined) return;
    this.#ended = status;
    this.#forget();
    this.#watch?.close();
    this.#listening?.delete(this);
    for (const { answer } of this.#waiting.splice(0)) answer(status);
  }
}
