import { type ChildProcess, fork } from 'node:child_process';
import { type Feature, type VfsCode, VfsError } from '@ring3/vfs';
import type { NodeStoreOptions } from '../node-store.ts';
import type {
  CallMessage,
  ChangeMessage,
  ErrorMessage,
  LookedMessage,
  LookMessage,
  OpenedMessage,
  ReplyMessage,
  ServeMessage,
} from './messages.ts';

/** The program: the source in a checkout, otherwise the compiled file. */
const isSource = import.meta.url.endsWith('.ts');
const program = new URL(`./store-process.${isSource ? 'ts' : 'js'}`, import.meta.url);

/** Threads of a store's process: its maximum of concurrent data calls into the file system. */
const threads = '8';

/** Called for messages of a process that are not replies, and when it ends. */
interface ChildEvents {
  changed(message: ChangeMessage): void;
  /** A handle has another name. */
  renamed(handle: number, name: string): void;
  /** The process has exited, or it cannot be reached. */
  exited(error: Error): void;
}

interface Pending {
  readonly resolve: (answer: never) => void;
  readonly reject: (error: Error) => void;
}

/** A process that serves a directory, and the calls that it has not replied to. It is started by the constructor. */
export class StoreChild {
  readonly #process: ChildProcess = start();
  readonly #pending = new Map<number, Pending>();
  #lastCall = 0;
  #events: ChildEvents | undefined;

  /** Opens the store in the process. @returns its features. @throws VfsError, and errors of `optionsOf` */
  async serve(directory: string, optionsOf: (real: string) => NodeStoreOptions): Promise<ReadonlySet<Feature>> {
    const { real, error: missing } = await this.#next<LookedMessage>({ look: directory });
    if (real === undefined) throw thrown(missing);
    const { features, error } = await this.#next<OpenedMessage>({ serve: directory, options: optionsOf(real) });
    if (features === undefined) throw thrown(error);
    return new Set(features as Feature[]);
  }

  /** Receives replies and events from now on. */
  follow(events: ChildEvents): void {
    this.#events = events;
    this.#process.on('message', (message: unknown) => this.#receive(message as ReplyMessage | ChangeMessage));
    this.#process.on('error', (error) => events.exited(error));
    this.onExit(() => events.exited(ended()));
  }

  onExit(listener: () => void): void {
    this.#process.once('exit', listener);
  }

  /** Makes a call. @param handle its number in the process; 0 for the store. @throws VfsError EIO if the process exits before it replies */
  post<T>(handle: number, method: string, parameters: readonly unknown[]): Promise<T> {
    const call = ++this.#lastCall;
    return new Promise<T>((resolve, reject) => {
      this.#pending.set(call, { resolve, reject });
      this.#process.send({ call, handle, method, parameters } satisfies CallMessage, (error) => {
        if (error !== null) this.#events?.exited(error);
      });
    });
  }

  /** Ends all pending calls: with EIO because of an error, or with a code. */
  fail(outcome: Error | VfsCode): void {
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { resolve, reject } of pending) {
      if (outcome instanceof Error) reject(new VfsError('EIO', outcome.message, { cause: outcome }));
      else resolve(outcome as never);
    }
  }

  /** Kills the process, which may hang, without waiting for it. */
  kill(): void {
    this.#process.kill('SIGKILL');
    if (this.#process.connected) this.#process.disconnect();
    this.#process.unref();
  }

  #receive(message: ReplyMessage | ChangeMessage): void {
    if ('watch' in message) {
      this.#events?.changed(message);
      return;
    }
    for (const [handle, name] of message.renamed ?? []) this.#events?.renamed(handle, name);
    const pending = this.#pending.get(message.call);
    this.#pending.delete(message.call);
    if (message.error === undefined) pending?.resolve(message.answer as never);
    else pending?.reject(thrown(message.error));
  }

  /** Sends one message and waits for the reply. */
  #next<T>(message: LookMessage | ServeMessage): Promise<T> {
    const child = this.#process;
    return new Promise((resolve, reject) => {
      const stop = (error?: Error | number | null): void => {
        child.off('message', replied).off('exit', stop).off('error', stop);
        reject(error instanceof Error ? error : ended());
      };
      const replied = (reply: unknown): void => {
        child.off('exit', stop).off('error', stop);
        resolve(reply as T);
      };
      child.once('message', replied).once('exit', stop).once('error', stop);
      child.send(message);
    });
  }
}

function start(): ChildProcess {
  const { RING3_PASSWORD: _secret, ...environment } = process.env;
  return fork(program, {
    execArgv: isSource ? ['--conditions=@ring3/source'] : [],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: { ...environment, UV_THREADPOOL_SIZE: threads },
  });
}

const ended = (): Error => new Error('the process of the store ended');

/** The error of a message. */
function thrown({ message, code }: ErrorMessage = ended()): Error {
  if (code === undefined) return new Error(message);
  const error = new VfsError(code, message);
  error.message = message; // it already contains the code
  return error;
}
