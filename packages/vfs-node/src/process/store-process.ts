// The process of one store, started by `openStoreInProcess`. It makes the calls that must not block the server.
import { constants } from 'node:fs';
import { access, realpath, stat } from 'node:fs/promises';
import { settle } from '@ring3/kit';
import {
  type Answer,
  type Change,
  type Handle,
  type Identity,
  isVfsCode,
  type OpenHow,
  type Vfs,
  VfsError,
  type Watch,
  type WatchWant,
} from '@ring3/vfs';
import { createNodeStore } from '../node-store.ts';
import {
  type CallMessage,
  type ChangeMessage,
  errorMessage,
  type HandleReference,
  type LookedMessage,
  type LookMessage,
  type OpenedMessage,
  type ReplyMessage,
  type ServeMessage,
} from './messages.ts';

type AnyMethod = (...parameters: unknown[]) => unknown;

/**
 * It exits with its parent, or when the parent requests it. Signals to the process group are for the parent, which finishes its clients
 * first.
 */
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
process.on('disconnect', () => process.exit());
process.once('message', (message: LookMessage) => void look(message));

const send = (message: LookedMessage | OpenedMessage | ReplyMessage | ChangeMessage): void => {
  if (process.connected) process.send?.(message);
};

/** Ignores a missing directory: it may be created later. */
function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

async function look({ look: path }: LookMessage): Promise<void> {
  try {
    const real = await realpath(path).catch(absent);
    if (real !== undefined) {
      if (!(await stat(real)).isDirectory()) throw new VfsError('ENOTDIR', path);
      await access(real, constants.R_OK | constants.X_OK);
    }
    process.once('message', (message: ServeMessage) => open(message));
    send({ real: real ?? path });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    send({ error: errorMessage(isVfsCode(code) ? error : new VfsError('EIO', `${path}: ${(error as Error).message}`)) });
  }
}

function open({ serve: directory, options }: ServeMessage): void {
  try {
    const vfs = createNodeStore(directory, options);
    serve(vfs);
    send({ features: [...vfs.features] });
  } catch (error) {
    send({ error: errorMessage(error) });
  }
}

function serve(vfs: Vfs): void {
  /** The open handles, each with the last reported name. */
  const handles = new Map<number, { readonly handle: Handle; name: string }>();
  const watches = new Map<number, Watch>();
  let last = 0;

  const register = (handle: Handle): HandleReference => {
    const { fileId, kind, name } = handle;
    handles.set(++last, { handle, name });
    return { handle: last, fileId, kind, name };
  };
  const opened = (answer: Answer<Handle>): Answer<HandleReference> =>
    answer instanceof Promise
      ? answer.then((handle) => (typeof handle === 'string' ? handle : register(handle)))
      : typeof answer === 'string'
        ? answer
        : register(answer);
  const handleOf = (number: unknown): Handle => handles.get(number as number)?.handle as Handle;

  const storeCalls: Readonly<Record<string, AnyMethod>> = {
    root: (who, same) => opened(vfs.root(who as Identity, undefined, same === undefined ? undefined : handleOf(same))),
    open: (dir, name, how, who) => opened(vfs.open(handleOf(dir), name as string, how as OpenHow, who as Identity)),
    unwatch: (watch) => {
      watches.get(watch as number)?.close();
      watches.delete(watch as number);
    },
    close: () => vfs.close?.(),
  };
  const handleCalls: Readonly<Record<string, (number: number, handle: Handle, ...parameters: unknown[]) => unknown>> = {
    read: async (_number, handle, length, offset) => {
      const bytes = Buffer.allocUnsafe(length as number);
      const read = await handle.read(bytes, offset as number);
      return typeof read === 'string' ? read : bytes.subarray(0, read);
    },
    rename: (_number, handle, dir, name, how) => handle.rename(handleOf(dir), name as string, how as object),
    link: (_number, handle, dir, name, how) => handle.link?.(handleOf(dir), name as string, how as object),
    copyRange: (_number, handle, source, ...rest) => handle.copyRange?.(handleOf(source), ...(rest as [number, number, number])),
    cloneRange: (_number, handle, source, ...rest) => handle.cloneRange?.(handleOf(source), ...(rest as [number, number, number])),
    openStream: (_number, handle, ...parameters) => opened((handle.openStream as AnyMethod)(...parameters) as Answer<Handle>),
    watch: async (_number, handle, want, watch) => {
      const listener = (change: Change): void => send({ watch: watch as number, change });
      const running = await handle.watch?.(want as WatchWant, listener);
      if (typeof running === 'object') watches.set(watch as number, running);
      return typeof running === 'object' ? undefined : running;
    },
    close: (number, handle) => {
      handles.delete(number);
      return handle.close();
    },
  };

  const call = ({ handle: number, method, parameters }: CallMessage): unknown => {
    if (number === 0) return storeCalls[method]?.(...parameters);
    const handle = handleOf(number);
    if (handle === undefined) return 'ESTALE';
    const special = handleCalls[method];
    return special === undefined
      ? (handle[method as keyof Handle] as unknown as AnyMethod).call(handle, ...parameters)
      : special(number, handle, ...parameters);
  };

  /**
   * The handles whose name differs from the last reported one. A rename can change any name, other calls only the name of the called
   * handle.
   */
  const renamed = ({ handle, method }: CallMessage): [number, string][] => {
    const changed: [number, string][] = [];
    const look = (number: number, known: { readonly handle: Handle; name: string } | undefined): void => {
      if (known === undefined || known.name === known.handle.name) return;
      known.name = known.handle.name;
      changed.push([number, known.name]);
    };
    if (method === 'rename' || method === 'link') for (const [number, known] of handles) look(number, known);
    else look(handle, handles.get(handle));
    return changed;
  };

  const reply = (message: CallMessage, result: Omit<ReplyMessage, 'call' | 'renamed'>): void => {
    const changed = renamed(message);
    send({ call: message.call, ...result, ...(changed.length > 0 && { renamed: changed }) });
    if (message.handle === 0 && message.method === 'close') process.disconnect?.();
  };

  process.on('message', (message: CallMessage) => {
    void settle(
      () => call(message) as Answer<unknown>,
      (answer) => reply(message, { answer }),
      (error) => reply(message, { error: errorMessage(error) }),
    );
  });
}
