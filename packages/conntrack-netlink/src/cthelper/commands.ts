import type { HelperClass, HelperRefusal, HelperTuple, Namespace, UserHelper } from '@ring3/conntrack';
import {
  type AnyCommand,
  type AttributeSet,
  type Block,
  type Call,
  command,
  type Dump,
  Errno,
  isRefusal,
  type MessageHead,
  NewFlags,
  type SubsystemRows,
  subsystem,
} from '@ring3/netlink';
import {
  HelperClassAttributes,
  HelperCommand,
  HelperMessage,
  HelperPolicySet,
  HelperStatusCode,
  HelperTupleAttributes,
  helperClassFields,
  messageType,
  Subsystem,
} from '@ring3/nfnetlink';

type HelperCall = Call<typeof HelperMessage.table>;
type HelperAttributes = AttributeSet<typeof HelperMessage.table>;

const row = (handle: (call: HelperCall) => number, dump?: (call: HelperCall) => Dump): AnyCommand =>
  command({ attributes: HelperMessage, needs: 'hostAdmin', handle, ...(dump === undefined ? {} : { dump }) });

/** NF_CT_EXPECT_MAX_CNT: the largest maximum of a class. */
const maxExpected = 255;

/** NFCTH_TUPLE. @returns the tuple, a positive errno, or undefined if it is absent */
function tupleOf(attributes: HelperAttributes): HelperTuple | number | undefined {
  if (!attributes.has('tuple')) return undefined;
  const found = attributes.within('tuple', HelperTupleAttributes);
  if (isRefusal(found)) return found.errno;
  const l3num = found.get('l3proto');
  const l4 = found.get('l4proto');
  return l3num === undefined || l4 === undefined ? Errno.EINVAL : { l3num, l4 };
}

/**
 * NFCTH_POLICY, the classes in order.
 * @param existing the existing classes, of which only limits may change; undefined: any classes are accepted
 * @returns the classes, a positive errno, or undefined if the attribute is absent
 */
function classesOf(
  attributes: HelperAttributes,
  mayBeEmpty: boolean,
  existing: readonly HelperClass[] | undefined,
): readonly HelperClass[] | HelperRefusal | undefined {
  if (!attributes.has('policy')) return undefined;
  const set = attributes.within('policy', HelperPolicySet);
  if (isRefusal(set)) return set.errno === Errno.ERANGE ? 'ERANGE' : 'EINVAL';
  const count = set.get('count');
  if (count === undefined) return 'EINVAL';
  if (existing !== undefined && existing.length !== count) return 'EBUSY';
  if (count === 0 && !mayBeEmpty) return 'EINVAL';
  if (count > helperClassFields.length) return 'EOVERFLOW';
  const classes: HelperClass[] = [];
  for (const field of helperClassFields.slice(0, count)) {
    const found = set.has(field) ? set.within(field, HelperClassAttributes) : undefined;
    if (found === undefined || isRefusal(found)) return 'EINVAL';
    const name = found.get('name');
    const max = found.get('expectMax');
    const timeoutSeconds = found.get('expectTimeout');
    if (name === undefined || max === undefined || timeoutSeconds === undefined) return 'EINVAL';
    if (existing !== undefined && name !== existing[classes.length]?.name) return 'EBUSY';
    if (existing !== undefined && max > maxExpected) return 'EINVAL';
    classes.push({ name, max, timeoutSeconds });
  }
  return classes;
}

function answerOf(helper: UserHelper) {
  const [class1, class2, class3, class4] = helper.classes.map(({ name, max, timeoutSeconds }) => ({
    name,
    expectMax: max,
    expectTimeout: timeoutSeconds,
  }));
  return {
    name: helper.name,
    queueNumber: helper.queueNumber,
    tuple: { l3proto: helper.l3num, l4proto: helper.l4 },
    policy: { count: helper.classes.length, class1, class2, class3, class4 },
    privateLength: helper.privateLength,
    status: helper.enabled ? HelperStatusCode.Enabled : HelperStatusCode.Disabled,
  };
}

/** NFNL_MSG_CTHELPER_NEW: registers or changes a helper. */
const helperNew = ({ host, profile }: Namespace): AnyCommand =>
  row(({ attributes, header }) => {
    const name = attributes.get('name');
    const tuple = tupleOf(attributes);
    if (name === undefined || tuple === undefined) return Errno.EINVAL;
    if (typeof tuple === 'number') return tuple;
    const existing = profile.looseHelperUpdate ? undefined : host.helpers.matching(name, tuple)[0];
    const request = {
      name,
      ...tuple,
      classes: classesOf(attributes, profile.looseHelperUpdate, existing?.classes),
      privateLength: attributes.get('privateLength'),
      queueNumber: attributes.get('queueNumber'),
      status: attributes.get('status'),
    };
    const made = host.helpers.set(request, (header.flags & NewFlags.Excl) !== 0, profile);
    return typeof made === 'string' ? Errno[made] : 0;
  });

/** NFNL_MSG_CTHELPER_GET: the first match, or all. A tuple without a match is acknowledged without a response. */
const helperGet = ({ host }: Namespace): AnyCommand =>
  row(
    ({ attributes, reply }) => {
      const tuple = tupleOf(attributes);
      if (typeof tuple === 'number') return tuple;
      const [found] = host.helpers.matching(attributes.get('name'), tuple);
      if (found === undefined) return tuple === undefined ? Errno.ENOENT : 0;
      reply(HelperCommand.New, HelperMessage, answerOf(found));
      return 0;
    },
    () => new HelperDump([...host.helpers]),
  );

/** The list at the start of the dump, without helpers that are deleted meanwhile. */
class HelperDump implements Dump {
  readonly #helpers: readonly UserHelper[];
  #next = 0;

  constructor(helpers: readonly UserHelper[]) {
    this.#helpers = helpers;
  }

  fill(block: Block, head: MessageHead): boolean {
    const whole = { ...head, type: messageType(Subsystem.Cthelper, HelperCommand.New) };
    for (; this.#next < this.#helpers.length; this.#next++) {
      const helper = this.#helpers[this.#next] as UserHelper;
      if (!helper.removed && !block.add(whole, HelperMessage, answerOf(helper))) return false;
    }
    return true;
  }
}

/** NFNL_MSG_CTHELPER_DEL: the matching helpers, or all. */
const helperDelete = ({ host, profile }: Namespace): AnyCommand =>
  row(({ attributes }) => {
    const tuple = tupleOf(attributes);
    if (typeof tuple === 'number') return tuple;
    const refusal = host.helpers.delete(attributes.get('name'), tuple, profile);
    return refusal === undefined ? 0 : Errno[refusal];
  });

/** Subsystem 9, nfnetlink_cthelper: the helpers of the whole host. */
export const cthelper = (namespace: Namespace): SubsystemRows =>
  subsystem(Subsystem.Cthelper, {
    [HelperCommand.New]: helperNew(namespace),
    [HelperCommand.Get]: helperGet(namespace),
    [HelperCommand.Delete]: helperDelete(namespace),
  });
