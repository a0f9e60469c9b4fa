// The thread of one store: it makes the calls that the event loop must not wait for. Started by `openStoreInThread`.
import { parentPort, workerData } from 'node:worker_threads';
import { settle } from '@ring3/kit';
import { limitPool } from '@ring3/linux';
import type { Answer, Change, Handle, Identity, OpenHow, Watch } from '@ring3/vfs';
import { createNodeStore, type NodeStoreOptions } from '../node-store.ts';
import { type CallMessage, errorMessage, type HandleReference, type ReplyMessage, type ThreadData } from './messages.ts';

/** Calls of one thread that are in the thread pool of the process at a time. */
const poolShare = 4;

type AnyMethod = (...parameters: unknown[]) => unknown;

if (parentPort !== null) serve(parentPort, workerData as ThreadData);

function serve(port: NonNullable<typeof parentPort>, { folder, options }: ThreadData): void {
  limitPool(poolShare);
  const vfs = createNodeStoreOrReport(port, folder, options as NodeStoreOptions);
  if (vfs === undefined) return;
  /** The open handles, each with the name that was last reported. */
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
      const bytes = new Uint8Array(length as number);
      const read = await handle.read(bytes, offset as number);
      return typeof read === 'string' ? read : bytes.subarray(0, read);
    },
    rename: (_number, handle, dir, name, how) => handle.rename(handleOf(dir), name as string, how as object),
    link: (_number, handle, dir, name, how) => handle.link?.(handleOf(dir), name as string, how as object),
    copyRange: (_number, handle, source, ...rest) => handle.copyRange?.(handleOf(source), ...(rest as [number, number, number])),
    cloneRange: (_number, handle, source, ...rest) => handle.cloneRange?.(handleOf(source), ...(rest as [number, number, number])),
    openStream: (_number, handle, ...parameters) => opened((handle.openStream as AnyMethod)(...parameters) as Answer<Handle>),
    watch: async (_number, handle, want, watch) => {
      const listener = (change: Change): void => port.postMessage({ watch, change });
      const running = await handle.watch?.(want as { recursive: boolean }, listener);
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

  /** The handles whose name is another than was last reported. After a rename any may be, after other calls only the one that was called. */
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
    const { answer } = result;
    const body = { call: message.call, ...result, ...(changed.length > 0 && { renamed: changed }) };
    if (!(answer instanceof Uint8Array)) port.postMessage(body);
    else {
      // bytes that were read have memory of their own; other values may lie in a buffer that the store uses again
      const bytes = message.method === 'read' ? answer : new Uint8Array(answer);
      port.postMessage({ ...body, answer: bytes }, [bytes.buffer as ArrayBuffer]);
    }
    if (message.handle === 0 && message.method === 'close') port.close();
  };

  port.on('message', (message: CallMessage) => {
    void settle(
      () => call(message) as Answer<unknown>,
      (answer) => reply(message, { answer }),
      (error) => reply(message, { error: errorMessage(error) }),
    );
  });
  port.postMessage({ features: [...vfs.features] });
}

function createNodeStoreOrReport(
  port: NonNullable<typeof parentPort>,
  folder: string,
  options: NodeStoreOptions,
): ReturnType<typeof createNodeStore> | undefined {
  try {
    return createNodeStore(folder, options);
  } catch (error) {
    port.postMessage({ error: errorMessage(error) });
    port.close();
    return undefined;
  }
}
