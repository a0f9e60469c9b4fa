import { andThen, isPromise, type MaybePromise } from '@ring3/kit';
import { type Answer, type Feature, featureCalls, type Handle, type Identity, type OpenHow, type Vfs } from './vfs.ts';
import { isCode, type VfsCode } from './vfs-error.ts';

/** The methods of the handles of a store. */
export type HandleCall = {
  [K in keyof Handle]-?: NonNullable<Handle[K]> extends (...parameters: never[]) => unknown ? K : never;
}[keyof Handle];

/** The methods of a store that a wrapper can intercept. */
export type Call = HandleCall | 'open' | 'root';

/**
 * Called before a call of the wrapped store.
 * @param parameters those of the call
 * @returns a code, which becomes the result of the call; or nothing to continue. The call throws what this function throws
 */
export type Before = (call: Call, parameters: readonly unknown[]) => MaybePromise<VfsCode | undefined>;

const mandatory: readonly HandleCall[] = ['stat', 'read', 'write', 'truncate', 'list', 'rename', 'unlink', 'close'];
type AnyCall = (...parameters: unknown[]) => Answer<unknown>;

/** A handle of a wrapped store. Each wrapper has a subclass with exactly the methods that the store has. */
class Intercepted {
  readonly inner: Handle;
  constructor(inner: Handle) {
    this.inner = inner;
  }
  get fileId(): string {
    return this.inner.fileId;
  }
  get kind(): Handle['kind'] {
    return this.inner.kind;
  }
  get name(): string {
    return this.inner.name;
  }
  get entryKey(): object | undefined {
    return this.inner.entryKey;
  }
}

const unwrapped = (value: unknown): unknown => (value instanceof Intercepted ? value.inner : value);

/**
 * Wraps a store so that a function is called before some of its methods. Other methods are called directly.
 * @param asked the methods before which `before` is called
 * @param features the features of the result; methods of other features do not exist. Default: those of the store
 */
export function intercept(vfs: Vfs, before: Before, asked: ReadonlySet<Call>, features: ReadonlySet<Feature> = vfs.features): Vfs {
  const meet = <T>(call: Call, _name: string, parameters: readonly unknown[], go: () => Answer<T>): Answer<T> => {
    const code = before(call, parameters);
    return isPromise(code) ? code.then((late) => late ?? go()) : (code ?? go());
  };
  return wrap(vfs, { meets: (call) => asked.has(call), meet }, features);
}

/** Intercepts the calls of a wrapped store. */
export interface Way {
  /** Whether calls are intercepted at present; evaluated at each call. */
  meets(call: Call): boolean;
  /** Counts the calls in progress that may change something, until they return: a promise is not waited for. */
  readonly changing?: { calls: number };
  /**
   * Handles an intercepted call.
   * @param name the name of the handle, or of the directory in which an entry is opened; empty for the root
   * @param go performs the call
   */
  meet<T>(call: Call, name: string, parameters: readonly unknown[], go: () => Answer<T>): Answer<T>;
}

const changingCalls: ReadonlySet<Call> = new Set<Call>([
  'write',
  'truncate',
  'allocate',
  'punch',
  'copyRange',
  'cloneRange',
  'setStat',
  'setXattr',
  'setDescriptor',
  'openStream',
  'rename',
  'link',
  'unlink',
  'close',
]);

/** Wraps a store so that its calls are intercepted. @param features the features of the result; methods of other features do not exist */
export function wrap(vfs: Vfs, way: Way, features: ReadonlySet<Feature> = vfs.features): Vfs {
  const Wrapped = class extends Intercepted {} as unknown as new (inner: Handle) => Intercepted & Handle;
  const wrapped = (answer: Answer<Handle>): Answer<Handle> => andThen(answer, (inner) => (isCode(inner) ? inner : new Wrapped(inner)));
  const onWay = <T>(call: Call, dir: Handle | undefined, parameters: readonly unknown[], go: () => Answer<T>): Answer<T> =>
    way.meets(call) ? way.meet(call, dir?.name ?? '', parameters, go) : go();
  const { changing } = way;
  const counted = <T>(counts: boolean, go: () => T): T => {
    if (!counts || changing === undefined) return go();
    changing.calls++;
    try {
      return go();
    } finally {
      changing.calls--;
    }
  };
  // A call that is not intercepted allocates nothing: READ and WRITE use this path.
  const forward = (call: HandleCall): AnyCall => {
    const go = (inner: Handle, first: unknown, second: unknown, third: unknown, fourth: unknown, fifth: unknown): Answer<unknown> => {
      // `reopen` and `checkUnlink` may be missing in the wrapped store: then there is nothing to intercept
      const answer = (inner[call] as AnyCall | undefined)?.call(inner, unwrapped(first), second, third, fourth, fifth);
      return call === 'openStream' ? wrapped(answer as Answer<Handle>) : answer;
    };
    const counts = changing !== undefined && changingCalls.has(call);
    return function (this: Intercepted, first, second, third, fourth, fifth) {
      const { inner } = this;
      if (!way.meets(call)) {
        if (!counts) return go(inner, first, second, third, fourth, fifth);
        changing.calls++; // not by `counted`: READ and WRITE allocate nothing here
        try {
          return go(inner, first, second, third, fourth, fifth);
        } finally {
          changing.calls--;
        }
      }
      return way.meet(call, inner.name, [first, second, third, fourth, fifth], () =>
        counted(counts, () => go(inner, first, second, third, fourth, fifth)),
      );
    };
  };
  const optional = [...features].flatMap((feature) => featureCalls[feature].handle);
  const names = new Set([...mandatory, ...(optional as HandleCall[]), 'reopen' as const, 'checkUnlink' as const]);
  for (const name of names) Object.defineProperty(Wrapped.prototype, name, { value: forward(name) });
  return {
    features,
    ...(vfs.fileDescriptors && { fileDescriptors: vfs.fileDescriptors }),
    root: (who: Identity, signal?: AbortSignal, same?: Handle) =>
      onWay('root', undefined, [who, signal, same], () => wrapped(vfs.root(who, signal, unwrapped(same) as Handle | undefined))),
    open: (dir: Handle, name: string, how: OpenHow, who: Identity, signal?: AbortSignal) =>
      counted(how.disposition === 'create', () =>
        onWay('open', dir, [dir, name, how, who, signal], () => wrapped(vfs.open(unwrapped(dir) as Handle, name, how, who, signal))),
      ),
    ...(vfs.close && { close: () => vfs.close!() }),
  };
}
