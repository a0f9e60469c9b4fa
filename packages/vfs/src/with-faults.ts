import { type Clock, systemClock } from '@ring3/kit';
import { type Call, intercept } from './intercept.ts';
import { type Feature, featureCalls, type Vfs } from './vfs.ts';
import type { VfsCode } from './vfs-error.ts';

/** One thing that goes wrong. */
export interface Fault {
  /** The call that it happens to. */
  readonly call: Call;
  /** Which of these calls is the first to meet it, counted from 1, from when the fault is first looked at; default 1. */
  readonly nth?: number;
  /** How many in a row meet it; default 1. */
  readonly times?: number;
  /** The call waits so long first, by the clock; an aborted signal ends it with ECANCELED. Default: not at all. */
  readonly delayMs?: number;
  /** It answers this, and does nothing. Without `code` and `error` it goes on as ever. */
  readonly code?: VfsCode;
  /** It throws this, and does nothing. */
  readonly error?: Error;
}

const everyCall: ReadonlySet<Call> = new Set([
  ...(['open', 'root', 'space', 'stat', 'read', 'write', 'truncate', 'list', 'rename', 'unlink', 'close', 'reopen'] as const),
  ...(Object.keys(featureCalls) as Feature[]).flatMap((feature) => featureCalls[feature].handle as Call[]),
]);

/**
 * The same store, but some of its calls fail, throw or take their time.
 * @param faults looked at in order at each call; the list may grow and shrink meanwhile
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
