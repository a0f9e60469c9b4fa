import { type Clock, systemClock } from './clock.ts';
import { type Log, type LogFields, silentLog } from './log.ts';

/** One line that a switch let through. Never a key, a hash or a password. */
export interface DebugLine {
  /** Milliseconds since 1970. */
  readonly time: number;
  /** The switch. */
  readonly debug: string;
  readonly what: string;
  readonly fields: LogFields;
}

/** Somebody who reads lines as they come: `for await`. Ending the loop, or disposing of it, ends it. */
export interface DebugFollower extends AsyncIterableIterator<DebugLine>, Disposable {
  /** Lines that it was too slow for and has not been told of. */
  readonly lost: number;
}

/** Lines that wait for one follower at most, unless it says otherwise. */
const usualQueue = 1000;

/** Where debug lines go: into a log, whatever its level, and to whoever follows. */
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

  /** How many read along. */
  get followers(): number {
    return this.#followers.size;
  }

  /** Reads along from now on. @param most lines that wait at most; when there are more, they are lost, and a line of no switch says how many */
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
    else this.lost++; // what comes later waits until this is told, so that the gap is where it was
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
 * Debug output that is switched on and off by component while a program runs, in the form of the kernel server's control file `debug`. A log at level `trace`
 * has every switch on from the start.
 */
export class DebugSwitches<Word extends string = string> {
  readonly words: readonly Word[];
  /** Whether each is on: what a hot path looks at before it makes a line. */
  readonly on: Readonly<Record<Word, boolean>>;
  readonly lines: DebugLines;
  readonly #listeners = new Set<() => void>();

  /** @param words in the order in which they are told; `all` is none */
  constructor(words: readonly Word[], lines: DebugLines = new DebugLines()) {
    const started = lines.log.enabled('trace');
    this.words = words;
    this.lines = lines;
    this.on = Object.fromEntries(words.map((word) => [word, started])) as Record<Word, boolean>;
  }

  /** The names in their order, each followed by a space, those that are on in brackets; then a newline. */
  text(): string {
    return `${this.words.map((word) => (this.on[word] ? `[${word}] ` : `${word} `)).join('')}\n`;
  }

  /** Toggles one; `all` turns all on, or all off when all were on; any other word changes nothing. A trailing newline is allowed. */
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

  /** Tells after each change. @returns how to hear no more */
  onToggle(call: () => void): () => void {
    this.#listeners.add(call);
    return () => void this.#listeners.delete(call);
  }

  /** Writes a line, if the switch is on. Where its fields cost something to make, the caller looks first. */
  say(word: Word, what: string, fields: LogFields = {}): void {
    if (this.on[word]) this.lines.write(word, what, fields);
  }
}
