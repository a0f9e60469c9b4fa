import { andThen, isPromise, type MaybePromise } from '@ring3/kit';
import { type Answer, type Feature, featureCalls, type Handle, type Identity, type OpenHow, type Space, type Vfs } from './vfs.ts';
import { isCode, type VfsCode } from './vfs-error.ts';

/** The calls of a store's handles. */
export type HandleCall = {
  [K in keyof Handle]-?: NonNullable<Handle[K]> extends (...parameters: never[]) => unknown ? K : never;
}[keyof Handle];

/** The calls of a store that a wrapper can meet on their way. */
export type Call = HandleCall | 'open' | 'root' | 'space';

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
}

const unwrapped = (value: unknown): unknown => (value instanceof Intercepted ? value.inner : value);

/**
 * A store that is another one, but for a question before some of its calls. Calls that are not asked about go straight through.
 * @param asked the calls that `before` is asked about
 * @param features what it tells to have: the calls of others are not there. Default: the store's own
 */
export function intercept(vfs: Vfs, before: Before, asked: ReadonlySet<Call>, features: ReadonlySet<Feature> = vfs.features): Vfs {
  const Wrapped = class extends Intercepted {} as unknown as new (inner: Handle) => Intercepted & Handle;
  const wrapped = (answer: Answer<Handle>): Answer<Handle> => andThen(answer, (inner) => (isCode(inner) ? inner : new Wrapped(inner)));
  const onWay = <T>(call: Call, parameters: readonly unknown[], go: () => Answer<T>): Answer<T> => {
    if (!asked.has(call)) return go();
    const code = before(call, parameters);
    return isPromise(code) ? code.then((late) => late ?? go()) : (code ?? go());
  };
  const forward = (name: HandleCall): AnyCall => {
    const go = (inner: Handle, parameters: unknown[]): Answer<unknown> =>
      (inner[name] as AnyCall | undefined)?.apply(inner, parameters.map(unwrapped));
    // `reopen` alone may be missing below: then every handle may do all, and there is nothing to ask
    if (name === 'openStream') {
      return function (this: Intercepted, ...parameters) {
        return onWay(name, parameters, () => wrapped(go(this.inner, parameters) as Answer<Handle>));
      };
    }
    if (asked.has(name)) {
      return function (this: Intercepted, ...parameters) {
        return onWay(name, parameters, () => go(this.inner, parameters));
      };
    }
    return function (this: Intercepted, first, second, third, fourth, fifth) {
      return (this.inner[name] as AnyCall | undefined)?.call(this.inner, unwrapped(first), second, third, fourth, fifth);
    };
  };
  const optional = [...features].flatMap((feature) => featureCalls[feature].handle);
  const names = new Set([...mandatory, ...(optional as HandleCall[]), 'reopen' as const]);
  for (const name of names) Object.defineProperty(Wrapped.prototype, name, { value: forward(name) });
  return {
    features,
    root: (who: Identity, signal?: AbortSignal) => onWay('root', [who, signal], () => wrapped(vfs.root(who, signal))),
    open: (dir: Handle, name: string, how: OpenHow, who: Identity, signal?: AbortSignal) =>
      onWay('open', [dir, name, how, who, signal], () => wrapped(vfs.open(unwrapped(dir) as Handle, name, how, who, signal))),
    ...(vfs.space && features.has('space') && { space: (who: Identity): Answer<Space> => onWay('space', [who], () => vfs.space!(who)) }),
    ...(vfs.close && { close: () => vfs.close!() }),
  };
}
