import { type Clock, type DebugSwitches, type LogFields, settle } from '@ring3/kit';
import { type Answer, type Call, isCode, type Kind, type Vfs, wrap } from '@ring3/vfs';
import type { DebugWord } from '../values/debug-words.ts';

// biome-ignore lint/suspicious/noExplicitAny: the parameters of any call
type Parameters = readonly any[];

/** Fields that are logged for a call, in addition to the name of its handle: never the data that is read or written. */
const described: Partial<Record<Call, (parameters: Parameters) => LogFields>> = {
  open: ([, entry, { access, kind, disposition }, { name: user }]) => ({ entry, access, kind, disposition, user }),
  root: ([{ name: user }]) => ({ user }),
  openStream: ([stream, { access, disposition }]) => ({ stream, access, disposition }),
  reopen: ([access]) => ({ access }),
  read: ([target, offset]) => ({ offset, length: target.length }),
  write: ([chunks, offset, how]) => ({ offset, length: lengthOf(chunks), ...how }),
  truncate: ([size]) => ({ size }),
  allocate: ([size]) => ({ size }),
  list: ([cursor, { limit, stat }]) => ({ goesOn: cursor !== undefined, limit, stat }),
  rename: ([into, to, how]) => ({ into: into.name, to, ...how }),
  link: ([into, to, how]) => ({ into: into.name, to, ...how }),
  setStat: ([changes]) => ({ changes: Object.keys(changes) }),
  getXattr: ([attribute]) => ({ attribute }),
  setXattr: ([attribute, value]) => ({ attribute, length: value?.length }),
  setDescriptor: ([bytes]) => ({ length: bytes.length }),
  setObjectId: ([objectId]) => ({ length: objectId?.length }),
  punch: ([offset, length]) => ({ offset, length }),
  ranges: ([offset, length]) => ({ offset, length }),
  copyRange: ([source, from, offset, length]) => ({ source: source.name, from, offset, length }),
  cloneRange: ([source, from, offset, length]) => ({ source: source.name, from, offset, length }),
  watch: ([{ recursive }]) => ({ recursive }),
};

const lengthOf = (chunks: readonly Uint8Array[]): number => chunks.reduce((sum, { length }) => sum + length, 0);

/** A result as a word or a number. */
function shown(answer: unknown): unknown {
  if (typeof answer === 'number' || isCode(answer)) return answer;
  if (answer instanceof Uint8Array) return `${answer.length} bytes`;
  if (Array.isArray(answer)) return `${answer.length} entries`;
  const { kind, entries } = (answer ?? {}) as { kind?: Kind; entries?: readonly unknown[] };
  return kind ?? (entries === undefined ? 'done' : `${entries.length} entries`);
}

/** Wraps a store so that its calls and their results are logged while the switch `vfs` is on. @param changing counts the calls that change something */
export function debugStore(vfs: Vfs, debug: DebugSwitches<DebugWord>, clock: Clock, changing?: { calls: number }): Vfs {
  const { on } = debug;
  const meet = <T>(call: Call, name: string, parameters: Parameters, go: () => Answer<T>): Answer<T> => {
    const start = clock.now();
    const logResult = (result: unknown): void =>
      debug.say('vfs', call, { name, ...described[call]?.(parameters), result, ms: Math.round((clock.now() - start) * 1000) / 1000 });
    return settle(
      go,
      (answer) => {
        logResult(shown(answer));
        return answer;
      },
      (error) => {
        logResult(String(error));
        throw error;
      },
    );
  };
  return wrap(vfs, { meets: () => on.vfs, meet, ...(changing && { changing }) });
}
