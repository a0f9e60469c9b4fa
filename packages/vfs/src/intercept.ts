import { andThen, isPromise, type MaybePromise } from '@ring3/kit';
import { type Answer, type Feature, featureCalls, type Handle, type Identity, type OpenHow, type Vfs } from './vfs.ts';
import { isCode, type VfsCode } from './vfs-error.ts';

/** The calls of a store's handles. */
export type HandleCall = {
  [K in keyof Handle]-?: NonNullable<Handle[K]> extends (...parameters: never[]) => unknown ? K : never;
}[keyof Handle];

/** The calls of a store that a wrapper can meet on their way. */
export type Call = HandleCall | 'open' | 'root';

/**
 * Asked before a call goes on to the wrapped store.
 * @param parameters the call's own
 * @returns a code, which is then the call's answer; or nothing, and it goes on. What it throws, the call throws
 */
export type Before = (call: Call, parameters: readonly unknown[]) => MaybePromise<VfsCode | undefined>;

const mandatory: readonly HandleCall[] = ['stat', 'read', 'write', 'truncate', 'list', 'rename', 'unlink', 'close'];
type AnyCall = (...parameters: unknown[]) => Answer<unknown>;

/** A handle of a wrapped store; its calls are put on a subclass for each wrapper, those and only those that the store has. */
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
 * A store that is another one, but for a question before some of its calls. Calls that are not asked about go straight through.
 * @param asked the calls that `before` is asked about
 * @param features what it tells to have: the calls of others are not there. Default: the store's own
 */
export function intercept(vfs: Vfs, before: Before, asked: ReadonlySet<Call>, features: ReadonlySet<Feature> = vfs.features): Vfs {
  const meet = <T>(call: Call, _name: string, parameters: readonly unknown[], go: () => Answer<T>): Answer<T> => {
    const code = before(call, parameters);
    return isPromise(code) ? code.then((late) => late ?? go()) : (code ?? go());
  };
  return wrap(vfs, { meets: (call) => asked.has(call), meet }, features);
}

/** What stands between a wrapped store and its users. */
export interface Way {
  /** Whether a call is met now; asked at each. One that is not goes straight through. */
  meets(call: Call): boolean;
  /**
   * Meets a call.
   * @param name the handle's, or that of the folder that something is opened in; empty for the root
   * @param go makes the call
   */
  meet<T>(call: Call, name: string, parameters: readonly unknown[], go: () => Answer<T>): Answer<T>;
}

/** A store that is another one, with something in the way of its calls. @param features what it tells to have: the calls of others are not there */
export function wrap(vfs: Vfs, way: Way, features: ReadonlySet<Feature> = vfs.features): Vfs {
  const Wrapped = class extends Intercepted {} as unknown as new (inner: Handle) => Intercepted & Handle;
  const wrapped = (answer: Answer<Handle>): Answer<Handle> => andThen(answer, (inner) => (isCode(inner) ? inner : new Wrapped(inner)));
  const onWay = <T>(call: Call, dir: Handle | undefined, parameters: readonly unknown[], go: () => Answer<T>): Answer<T> =>
    way.meets(call) ? way.meet(call, dir?.name ?? '', parameters, go) : go();
  // Nothing is made on the straight way: reads and writes come along here.
  const forward = (call: HandleCall): AnyCall => {
    const go = (inner: Handle, first: unknown, second: unknown, third: unknown, fourth: unknown, fifth: unknown): Answer<unknown> => {
      // `reopen` and `checkUnlink` may be missing below: then there is nothing to ask
      const answer = (inner[call] as AnyCall | undefined)?.call(inner, unwrapped(first), second, third, fourth, fifth);
      return call === 'openStream' ? wrapped(answer as Answer<Handle>) : answer;
    };
    return function (this: Intercepted, first, second, third, fourth, fifth) {
      const { inner } = this;
      if (!way.meets(call)) return go(inner, first, second, third, fourth, fifth);
      return way.meet(call, inner.name, [first, second, third, fourth, fifth], () => go(inner, first, second, third, fourth, fifth));
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
      onWay('open', dir, [dir, name, how, who, signal], () => wrapped(vfs.open(unwrapped(dir) as Handle, name, how, who, signal))),
    ...(vfs.close && { close: () => vfs.close!() }),
  };
}
