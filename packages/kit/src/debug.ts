import { type Clock, systemClock } from './clock.ts';
import { type Log, type LogFields, silentLog } from './log.ts';

/** One debug line of an enabled switch. Never contains a key, a hash or a password. */
export interface DebugLine {
  /** Milliseconds since 1970. */
  readonly time: number;
  /** The switch. */
  readonly debug: string;
  readonly what: string;
  readonly fields: LogFields;
}

/** A reader of debug lines, for `for await`. Ending the loop, or disposing of the reader, ends it. */
export interface DebugFollower extends AsyncIterableIterator<DebugLine>, Disposable {
  /** Lines that were lost because the reader was too slow, and that no line has reported yet. */
  readonly lost: number;
}

/** Default for the maximum number of lines that wait for one follower. */
const usualQueue = 1000;

/** The destination of debug lines: a log, at any level, and all followers. */
export class DebugLines {
  readonly log: Log;
  readonly #clock: Clock;
  readonly #followers = new Set<Follower>();

  constructor(log: Log = silentLog, clock: Clock = systemClock) {
    this.log = log;
    this.#clock = clock;
  }

  write(debug: string, what: string, fields: LogFields): void {
    this.log.trace(what, { debug, ...fields });
    if (this.#followers.size === 0) return;
    const line = { time: this.#clock.wall(), debug, what, fields };
    for (const follower of this.#followers) follower.take(line);
  }

  /** Number of followers. */
  get followers(): number {
    return this.#followers.size;
  }

  /** Adds a follower. @param most maximum number of waiting lines; further lines are lost, and a line without a switch reports how many */
  follow(most: number = usualQueue): DebugFollower {
    const follower = new Follower(most, this.#clock, () => this.#followers.delete(follower));
    this.#followers.add(follower);
    return follower;
  }
}

class Follower implements DebugFollower {
  lost = 0;
  readonly #most: number;
  readonly #clock: Clock;
  readonly #leave: () => void;
  readonly #queue: DebugLine[] = [];
  #waiting: ((result: IteratorResult<DebugLine>) => void)[] = [];
  #ended = false;

  constructor(most: number, clock: Clock, leave: () => void) {
    this.#most = most;
    this.#clock = clock;
    this.#leave = leave;
  }

  take(line: DebugLine): void {
    const call = this.#waiting.shift();
    if (call !== undefined) call({ done: false, value: line });
    else if (this.lost === 0 && this.#queue.length < this.#most) this.#queue.push(line);
    else this.lost++; // later lines wait until the loss is reported, so that the report is at the position of the gap
  }

  next(): Promise<IteratorResult<DebugLine>> {
    const line = this.#queue.shift() ?? this.#gap();
    if (line !== undefined) return Promise.resolve({ done: false, value: line });
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #gap(): DebugLine | undefined {
    if (this.lost === 0) return undefined;
    const { lost } = this;
    this.lost = 0;
    return { time: this.#clock.wall(), debug: '', what: 'lines were lost', fields: { lost } };
  }

  return(): Promise<IteratorResult<DebugLine>> {
    this[Symbol.dispose]();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  [Symbol.dispose](): void {
    this.#ended = true;
    this.#leave();
    this.#queue.length = this.lost = 0;
    for (const call of this.#waiting.splice(0)) call({ done: true, value: undefined });
  }
}

/**
 * Debug output, switched by component at run time, in the format of the kernel server's control file `debug`. A log at level `trace`
 * starts with every switch on.
 */
export class DebugSwitches<Word extends string = string> {
  readonly words: readonly Word[];
  /** The state of each switch. A hot path reads it before it builds a line. */
  readonly on: Readonly<Record<Word, boolean>>;
  readonly lines: DebugLines;
  readonly #listeners = new Set<() => void>();

  /** @param words in display order; `all` is not one of them */
  constructor(words: readonly Word[], lines: DebugLines = new DebugLines()) {
    const started = lines.log.enabled('trace');
    this.words = words;
    this.lines = lines;
    this.on = Object.fromEntries(words.map((word) => [word, started])) as Record<Word, boolean>;
  }

  /** The names in order, each followed by a space, enabled ones in brackets; then a newline. */
  text(): string {
    return `${this.words.map((word) => (this.on[word] ? `[${word}] ` : `${word} `)).join('')}\n`;
  }

  /** Toggles one switch; `all` turns all on, or all off if all were on; any other word changes nothing. A trailing newline is allowed. */
  toggle(word: string): void {
    const name = word.endsWith('\n') ? word.slice(0, -1) : word;
    const on: Record<string, boolean> = this.on;
    if (name === 'all') {
      const target = !this.words.every((one) => this.on[one]);
      for (const one of this.words) on[one] = target;
    } else if (Object.hasOwn(on, name)) on[name] = !on[name];
    else return;
    for (const call of this.#listeners) call();
  }

  /** Calls `changed` after each change. @returns a function that ends the subscription */
  onToggle(call: () => void): () => void {
    this.#listeners.add(call);
    return () => void this.#listeners.delete(call);
  }

  /** Writes a line if the switch is on. If its fields are expensive to build, the caller checks `on` first. */
  say(word: Word, what: string, fields: LogFields = {}): void {
    if (this.on[word]) this.lines.write(word, what, fields);
  }
}
