import { isDeepStrictEqual } from 'node:util';

/** One difference between what was configured and what is now. */
export interface Change {
  /** `share photos`, `server`, `user anna`, … */
  readonly what: string;
  readonly how: 'added' | 'removed' | 'changed';
  /** What of it changed. */
  readonly keys?: readonly string[];
  /** From when on it holds: for everybody, for connections to come, from the next `ring3 ctl start` on, or when the process is started anew. */
  readonly holds: 'now' | 'new connections' | 'next start' | 'restart';
}

/** What a reload came to. */
export interface Reloaded {
  readonly changes: readonly Change[];
  /** What is understood and cannot be honoured, a line each. */
  readonly warnings: readonly string[];
}

/** The names of what differs between two objects. */
export function differing(before: object, after: object): string[] {
  const [a, b] = [before, after] as Record<string, unknown>[];
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].filter((name) => !isDeepStrictEqual(a?.[name], b?.[name])).sort();
}

/** The changes between two lists of named things. @param holds from when on a change of one holds */
export function keyed(
  kind: string,
  before: Iterable<readonly [string, object]>,
  after: Iterable<readonly [string, object]>,
  holds: Change['holds'] = 'now',
): Change[] {
  const was = new Map(before);
  const is = new Map(after);
  const changes: Change[] = [];
  for (const [name, value] of is) {
    const old = was.get(name);
    const keys = old === undefined ? [] : differing(old, value);
    if (old === undefined) changes.push({ what: `${kind} ${name}`, how: 'added', holds: 'now' });
    else if (keys.length > 0) changes.push({ what: `${kind} ${name}`, how: 'changed', keys, holds });
  }
  for (const name of was.keys()) if (!is.has(name)) changes.push({ what: `${kind} ${name}`, how: 'removed', holds });
  return changes;
}
