import { type Clock, systemClock } from '@ring3/kit';
import { type Call, intercept } from './intercept.ts';
import { type Feature, featureCalls, type Vfs } from './vfs.ts';
import type { VfsCode } from './vfs-error.ts';

/** One injected fault. */
export interface Fault {
  /** The method that it affects. */
  readonly call: Call;
  /** The first affected call, counted from 1 since the fault was added; default 1. */
  readonly nth?: number;
  /** The number of consecutive calls that it affects; default 1. */
  readonly times?: number;
  /** Delay before the call, by the clock. An aborted signal ends the call with ECANCELED. Default: none. */
  readonly delayMs?: number;
  /** The call returns this code and does nothing. Without `code` and `error` the call proceeds. */
  readonly code?: VfsCode;
  /** The call throws this error and does nothing. */
  readonly error?: Error;
}

const everyCall: ReadonlySet<Call> = new Set([
  ...(['open', 'root', 'space', 'stat', 'read', 'write', 'truncate', 'list', 'rename', 'unlink', 'close', 'reopen'] as const),
  ...(Object.keys(featureCalls) as Feature[]).flatMap((feature) => featureCalls[feature].handle as Call[]),
]);

/**
 * The same store with calls that fail, throw or are delayed.
 * @param faults evaluated in order at each call; the caller may add and remove faults
 */
export function withFaults(vfs: Vfs, faults: readonly Fault[], clock: Clock = systemClock): Vfs {
  const met = new Map<Fault, number>();
  const before = (call: Call, parameters: readonly unknown[]): VfsCode | undefined | Promise<VfsCode | undefined> => {
    for (const fault of faults) {
      if (fault.call !== call) continue;
      const count = (met.get(fault) ?? 0) + 1;
      met.set(fault, count);
      const { nth = 1, times = 1, delayMs } = fault;
      if (count < nth || count >= nth + times) continue;
      if (delayMs !== undefined) return wait(clock, delayMs, parameters).then((canceled) => canceled ?? outcome(fault));
      return outcome(fault);
    }
    return undefined;
  };
  return intercept(vfs, before, everyCall);
}

function outcome({ code, error }: Fault): VfsCode | undefined {
  if (error !== undefined) throw error;
  return code;
}

function wait(clock: Clock, ms: number, parameters: readonly unknown[]): Promise<VfsCode | undefined> {
  const signal = parameters.find((parameter) => parameter instanceof AbortSignal);
  if (signal?.aborted) return Promise.resolve('ECANCELED');
  return new Promise((resolve) => {
    const canceled = (): void => {
      timer.clear();
      resolve('ECANCELED');
    };
    const timer = clock.after(ms, () => {
      signal?.removeEventListener('abort', canceled);
      resolve(undefined);
    });
    signal?.addEventListener('abort', canceled, { once: true });
  });
}
