import { NtStatus } from '@ring3/smb-proto';
import { type Change, type Handle, isCode, type Watch } from '@ring3/vfs';
import { encodeEntries, entriesOf, lengthOf, type NotifyEntry, shownChange } from './changes.ts';

/** The result of a CHANGE_NOTIFY request: the buffer of its response, or a status. */
export type Notified = Uint8Array | NtStatus;

/** Books the bytes kept for a user: more, or less. @returns false if that exceeds the limit; then nothing was booked */
export type BookKept = (bytes: number) => boolean;

interface Waiting {
  readonly room: number;
  answer(notified: Notified): void;
}

/** Maximum number of entries that are kept, however much space the client has. */
const maxKept = 4096;

/**
 * The watch of one open, MS-FSA 2.1.5.11: the parameters of its first request stay; changes between two requests are kept as far as they
 * fit the buffer of the first one. Beyond that the client must list the directory itself (STATUS_NOTIFY_ENUM_DIR).
 */
export class ChangeWatch {
  readonly #completionFilter: number;
  readonly #room: number;
  readonly #vetoed: ((name: string) => boolean) | undefined;
  readonly #book: BookKept;
  readonly #waiting: Waiting[] = [];
  #entries: NotifyEntry[] = [];
  /** Their size in a response, each up to the start of the next. */
  #bytes = 0;
  #lost = false;
  /** Ends every later request too: the directory is being deleted. */
  #ended: NtStatus | undefined;
  #watch: Watch | undefined;
  #listening: Set<ChangeWatch> | undefined;

  /**
   * @param room bytes of the buffer of the first request
   * @param book the kept bytes count for its user
   * @param vetoed names that are not reported
   */
  constructor(completionFilter: number, room: number, book: BookKept, vetoed?: (name: string) => boolean) {
    this.#book = book;
    this.#completionFilter = completionFilter;
    this.#room = room;
    this.#vetoed = vetoed;
  }

  /** Starts to listen, if the store reports changes. @param listening counts the watch while it listens */
  async listen(handle: Handle, recursive: boolean, listening: Set<ChangeWatch>): Promise<void> {
    const watch = await handle.watch?.({ recursive }, (change) => this.changed(change));
    if (watch === undefined || isCode(watch)) return;
    if (this.#ended !== undefined) {
      watch.close();
      return;
    }
    this.#watch = watch;
    this.#listening = listening.add(this);
  }

  /** Takes a request: answered at once if something is kept. @returns how to withdraw it */
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
  changed(change: Change): void {
    if (this.#ended !== undefined) return;
    const shown = this.#vetoed === undefined ? change : shownChange(change, this.#vetoed);
    if (shown === undefined) return;
    if (shown.what === 'overflow') this.#lose();
    else this.#keep(entriesOf(shown, this.#completionFilter));
    this.#flush();
  }

  #keep(entries: readonly NotifyEntry[]): void {
    for (const one of entries) {
      const last = this.#entries.at(-1);
      if (this.#lost || (last?.action === one.action && last.fileName === one.fileName)) continue;
      const length = (lengthOf(one) + 3) & ~3;
      if (this.#entries.length >= maxKept || this.#bytes + lengthOf(one) > this.#room || !this.#book(length)) this.#lose();
      else {
        this.#entries.push(one);
        this.#bytes += length;
      }
    }
  }

  #lose(): void {
    this.#forget();
    this.#lost = true;
  }

  #forget(): void {
    this.#entries = [];
    if (this.#bytes > 0) this.#book(-this.#bytes);
    this.#bytes = 0;
  }

  #flush(): void {
    if (!this.#lost && this.#entries.length === 0) return;
    const first = this.#waiting.shift();
    if (first === undefined) return;
    const buffer = this.#lost ? undefined : encodeEntries(this.#entries);
    this.#forget();
    this.#lost = false;
    first.answer(buffer === undefined || buffer.length > first.room ? NtStatus.NotifyEnumDir : buffer);
  }

  /** Ends all requests, later ones too, and stops listening. */
  end(status: NtStatus): void {
    if (this.#ended !== undefined) return;
    this.#ended = status;
    this.#forget();
    this.#watch?.close();
    this.#listening?.delete(this);
    for (const { answer } of this.#waiting.splice(0)) answer(status);
  }
}
