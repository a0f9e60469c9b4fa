import { type Namespace, type PolicyFailure, setTimeouts, type TimeoutPolicy } from '@ring3/conntrack';
import {
  type AnyCommand,
  type Block,
  type Call,
  command,
  type Dump,
  Errno,
  type MessageHead,
  NewFlags,
  type SubsystemRows,
  subsystem,
} from '@ring3/netlink';
import { messageType, Subsystem, TimeoutCommand, TimeoutMessage } from '@ring3/nfnetlink';
import { givenTimeouts } from './given-timeouts.ts';
import { writeDefaults, writePolicy } from './write-policy.ts';

type TimeoutCall = Call<typeof TimeoutMessage.table>;

/** The errno for each error of the namespace. */
const errnoOf: Readonly<Record<PolicyFailure, number>> = {
  exists: Errno.EEXIST,
  busy: Errno.EBUSY,
  different: Errno.EINVAL,
  unsupported: Errno.EOPNOTSUPP,
  unknown: Errno.ENOENT,
  malformed: Errno.ERANGE,
};

const row = (handle: (call: TimeoutCall) => number | undefined, dump?: (call: TimeoutCall) => Dump | number): AnyCommand =>
  command({ attributes: TimeoutMessage, unchecked: ['use'], handle, ...(dump === undefined ? {} : { dump }) });

/** IPCTNL_MSG_TIMEOUT_NEW. */
const timeoutNew = (namespace: Namespace): AnyCommand =>
  row(({ attributes, header }) => {
    const name = attributes.get('name');
    const l3num = attributes.get('l3proto');
    const l4 = attributes.get('l4proto');
    if (name === undefined || l3num === undefined || l4 === undefined || !attributes.has('data')) return Errno.EINVAL;
    const how = { exclusive: (header.flags & NewFlags.Excl) !== 0, replace: (header.flags & NewFlags.Replace) !== 0 };
    const made = namespace.timeoutPolicies.set({ name, l3num, l4, timeouts: () => givenTimeouts(attributes, l4) }, how);
    return typeof made === 'string' ? errnoOf[made] : 0;
  });

/** IPCTNL_MSG_TIMEOUT_GET: one by name, or all. */
const timeoutGet = (namespace: Namespace): AnyCommand =>
  row(
    ({ attributes, replyWith }) => {
      const name = attributes.get('name');
      if (name === undefined) return Errno.EINVAL;
      const policy = namespace.timeoutPolicies.find(name);
      if (policy === undefined) return Errno.ENOENT;
      replyWith(TimeoutCommand.New, (block, head) => writePolicy(block, head, policy, namespace));
      return 0;
    },
    () => new TimeoutDump(namespace),
  );

/** The policies in order; one that is deleted between two blocks is omitted, one that is created meanwhile is included. */
class TimeoutDump implements Dump {
  readonly #namespace: Namespace;
  readonly #policies: MapIterator<TimeoutPolicy>;
  /** The first policy that did not fit. */
  #next: TimeoutPolicy | undefined;

  constructor(namespace: Namespace) {
    this.#namespace = namespace;
    this.#policies = namespace.timeoutPolicies[Symbol.iterator]();
  }

  fill(block: Block, head: MessageHead): boolean {
    const whole = { ...head, type: messageType(Subsystem.CtnetlinkTimeout, TimeoutCommand.New) };
    for (;;) {
      const policy = this.#next ?? this.#policies.next().value;
      this.#next = undefined;
      if (policy === undefined) return true;
      if (policy.removed) continue;
      if (!writePolicy(block, whole, policy, this.#namespace)) {
        this.#next = policy;
        return false;
      }
    }
  }
}

/** IPCTNL_MSG_TIMEOUT_DELETE: one by name, or all that no rule uses. */
const timeoutDelete = (namespace: Namespace): AnyCommand =>
  row(({ attributes }) => {
    const name = attributes.get('name');
    if (name === undefined) {
      namespace.timeoutPolicies.flush();
      return 0;
    }
    const failure = namespace.timeoutPolicies.delete(name);
    return failure === undefined ? 0 : errnoOf[failure];
  });

/** IPCTNL_MSG_TIMEOUT_DEFAULT_SET. */
const timeoutDefaultSet = (namespace: Namespace): AnyCommand =>
  row(({ attributes }) => {
    const { profile, defaultTimeouts, hz } = namespace;
    const l3num = attributes.get('l3proto');
    const l4 = attributes.get('l4proto');
    if (l4 === undefined || !attributes.has('data')) return Errno.EINVAL;
    if (profile.defaultSetNeedsFamily && l3num === undefined) return Errno.EINVAL;
    const table = defaultTimeouts.table(l3num ?? 0, l4, profile);
    if (table === undefined) return Errno.EOPNOTSUPP;
    const given = givenTimeouts(attributes, l4);
    if (given === undefined) return Errno.ERANGE;
    setTimeouts(table, given, hz);
    return 0;
  });

/** IPCTNL_MSG_TIMEOUT_DEFAULT_GET; the response is a DEFAULT_SET message. */
const timeoutDefaultGet = (namespace: Namespace): AnyCommand =>
  row(({ attributes, replyWith }) => {
    const { profile, defaultTimeouts, hz } = namespace;
    const l3num = attributes.get('l3proto');
    const l4 = attributes.get('l4proto');
    if (l3num === undefined || l4 === undefined) return Errno.EINVAL;
    const table = defaultTimeouts.table(l3num, l4, profile);
    if (table === undefined) return Errno.EOPNOTSUPP;
    const family = profile.defaultGetOwnFamily && l4 === genericProtocol ? 0 : l3num;
    replyWith(TimeoutCommand.DefaultSet, (block, head) => writeDefaults(block, head, family, l4, table, hz));
    return 0;
  });

const genericProtocol = 255;

/** Subsystem 8, nfnetlink_cttimeout. */
export const cttimeout = (namespace: Namespace): SubsystemRows =>
  subsystem(Subsystem.CtnetlinkTimeout, {
    [TimeoutCommand.New]: timeoutNew(namespace),
    [TimeoutCommand.Get]: timeoutGet(namespace),
    [TimeoutCommand.Delete]: timeoutDelete(namespace),
    [TimeoutCommand.DefaultSet]: timeoutDefaultSet(namespace),
    [TimeoutCommand.DefaultGet]: timeoutDefaultGet(namespace),
  });
