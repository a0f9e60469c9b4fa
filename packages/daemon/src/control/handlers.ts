import { type CaptureStatus, captureNamespace } from '../capture-feed.ts';
import { defaultNamespace, type Namespaces } from '../namespaces.ts';
import type { DaemonStatus } from './protocol.ts';
import { addRule, deleteRule, listRules } from './rules.ts';
import type { ControlHandlers } from './server.ts';

/** What the control socket reaches of a running daemon. */
export interface Controlled {
  readonly namespaces: Namespaces;
  /** How far a capture has been played, where one is. */
  capture(): CaptureStatus | undefined;
  stats(): string;
  status(): DaemonStatus;
  stop(): void;
}

/** What answers each verb. */
export const controlHandlers = (daemon: Controlled): ControlHandlers => {
  const rulesOf = (name: unknown) => daemon.namespaces.get(text(name, defaultNamespace)).namespace;
  return {
    stats: () => daemon.stats(),
    status: () => daemon.status(),
    stop: () => {
      setImmediate(() => daemon.stop()); // after the answer
      return null;
    },
    'rule list': ({ namespace }) => listRules(rulesOf(namespace)),
    'rule add': ({ namespace, words }) => addRule(rulesOf(namespace), wordList(words)),
    'rule delete': ({ namespace, id }) => {
      deleteRule(rulesOf(namespace), id);
      return null;
    },
    'rule flush': ({ namespace }) => rulesOf(namespace).rules.flush(),
    'namespace list': () =>
      daemon.namespaces.list().map(({ name, namespace }) => ({
        name,
        flows: namespace.flowCount,
        policies: namespace.timeoutPolicies.size,
        rules: namespace.rules.size,
        ...(name === captureNamespace ? { capture: daemon.capture() } : {}),
      })),
    'namespace add': ({ name }) => {
      daemon.namespaces.add(text(name));
      return null;
    },
    'namespace delete': ({ name }) => {
      daemon.namespaces.delete(text(name));
      return null;
    },
  };
};

/** What a peer sent is JSON of any shape. */
function text(value: unknown, otherwise?: string): string {
  const found = value ?? otherwise;
  if (typeof found !== 'string') throw new Error('a name is a string');
  return found;
}

function wordList(value: unknown): readonly string[] {
  if (!Array.isArray(value) || value.some((word) => typeof word !== 'string')) throw new Error('words: a list of strings');
  return value;
}
