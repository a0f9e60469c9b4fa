import {
  type Expectation,
  type ExpectationRefusal,
  FlowFlag,
  findFlow,
  type HelperRef,
  type Namespace,
  type Tuple,
  ZoneAndFlags,
} from '@ring3/conntrack';
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
import { ExpectCommand, ExpectMessage, ExpectStatsCpu, messageType, Subsystem, TupleAttributes } from '@ring3/nfnetlink';
import { causing, flowsNow } from '../at-work.ts';
import { tupleOf } from '../ctnetlink/tuple.ts';
import type { Events } from '../events.ts';
import { expectationValue } from './expectation-value.ts';

type ExpectCall = Call<(typeof ExpectMessage)['table']>;
type ExpectAttributes = AttributeSet<(typeof ExpectMessage)['table']>;
type TupleField = 'tuple' | 'mask' | 'master';

/** The handlers of subsystem 2, the expectations of nfnetlink_conntrack, of one namespace. */
class CtnetlinkExp {
  readonly #namespace: Namespace;
  readonly #events: Events;

  constructor(namespace: Namespace, events: Events) {
    this.#namespace = namespace;
    this.#events = events;
  }

  /** The tracker, advanced to the current time. */
  get #tracker() {
    flowsNow(this.#namespace);
    return this.#namespace.tracker;
  }

  rows(): SubsystemRows {
    return subsystem(Subsystem.CtnetlinkExp, {
      [ExpectCommand.New]: this.#row((call) => this.#new(call)),
      [ExpectCommand.Get]: this.#row(
        (call) => this.#get(call),
        (call) => this.#list(call),
      ),
      [ExpectCommand.Delete]: this.#row((call) => this.#delete(call)),
      [ExpectCommand.GetStatsCpu]: this.#row(
        () => 0,
        () => this.#statsCpu(),
      ),
    });
  }

  #row(handle: (call: ExpectCall) => number, dump?: (call: ExpectCall) => Dump | number): AnyCommand {
    const caused = causing(this.#namespace, this.#events);
    return command({ attributes: ExpectMessage, handle: caused(handle), ...(dump === undefined ? {} : { dump: caused(dump) }) });
  }

  #tuple({ attributes, family }: ExpectCall, field: TupleField): Tuple | number {
    const tuple = tupleOf(attributes, field, family);
    return typeof tuple === 'number' ? tuple : { ...tuple, zone: tuple.zone ?? attributes.get('zone') ?? 0 };
  }

  #new(call: ExpectCall): number {
    const { attributes, header } = call;
    const tracker = this.#tracker;
    if (!attributes.has('tuple') || !attributes.has('mask') || !attributes.has('master')) return Errno.EINVAL;
    const tuple = this.#tuple(call, 'tuple');
    if (typeof tuple === 'number') return tuple;
    const existing = tracker.expectations.find(tuple);
    if (existing === undefined) return (header.flags & NewFlags.Create) === 0 ? Errno.ENOENT : this.#create(call, tuple);
    if ((header.flags & NewFlags.Excl) !== 0) return Errno.EEXIST;
    const timeout = attributes.get('timeout');
    if (timeout !== undefined) tracker.expectations.prolong(existing.id, timeout);
    return 0;
  }

  #create(call: ExpectCall, tuple: Tuple): number {
    const { attributes } = call;
    const tracker = this.#tracker;
    const mask = this.#mask(attributes, tuple);
    if (typeof mask === 'number') return mask;
    const masterTuple = this.#tuple(call, 'master');
    if (typeof masterTuple === 'number') return masterTuple;
    const master = findFlow(tracker.flows, masterTuple)?.flow;
    if (master === undefined) return Errno.ENOENT;
    // the request that created the flow may have set IPS_HELPER without a helper
    const byHand = (tracker.flows.table.word(master, ZoneAndFlags) & FlowFlag.ByHand) !== 0;
    if (byHand && tracker.flows.extras.helperOf(master) === undefined) return Errno.EOPNOTSUPP;
    const helper = this.#helper(attributes, masterTuple);
    const timeoutSeconds = attributes.get('timeout');
    const made = tracker.expectations.add({
      master,
      tuple,
      mask,
      classIndex: attributes.get('classIndex') ?? 0,
      flags: attributes.get('flags') ?? 0,
      ...(helper === undefined ? {} : { helper }),
      ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
    });
    return typeof made === 'string' ? errnoOf(made) : 0;
  }

  /** The helper named in a request; if it is absent or unknown, the master's. */
  #helper(attributes: ExpectAttributes, master: Tuple): HelperRef | undefined {
    const name = attributes.get('helpName');
    if (name === undefined) return undefined;
    return this.#namespace.findNamedHelper(name, master.family, master.protocol);
  }

  /** CTA_EXPECT_MASK: the compared bits of the source. */
  #mask(attributes: ExpectAttributes, tuple: Tuple): { readonly source: Uint8Array; readonly sourcePort: number } | number {
    const found = attributes.within('mask', TupleAttributes);
    if (isRefusal(found)) return found.errno;
    const mask = tupleOf(attributes, 'mask', tuple.family);
    return typeof mask === 'number' ? mask : { source: mask.source, sourcePort: mask.sourcePort };
  }

  /** The expectation of a GET or DELETE. @returns it or a positive errno */
  #one(call: ExpectCall): Expectation | number {
    const { attributes } = call;
    const field = attributes.has('tuple') ? 'tuple' : 'master';
    const tuple = this.#tuple(call, field);
    if (typeof tuple === 'number') return tuple;
    const found = this.#tracker.expectations.find(tuple);
    const id = attributes.get('id');
    return found === undefined || (id !== undefined && id !== found.id) ? Errno.ENOENT : found;
  }

  #get(call: ExpectCall): number {
    if (!call.attributes.has('tuple') && !call.attributes.has('master')) return Errno.EINVAL;
    const found = this.#one(call);
    if (typeof found === 'number') return found;
    call.reply(ExpectCommand.New, ExpectMessage, expectationValue(this.#namespace, found), { family: found.tuple.family });
    return 0;
  }

  #list(call: ExpectCall): Dump | number {
    const { family, attributes } = call;
    const { expectations } = this.#tracker;
    let master: number | undefined;
    if (attributes.has('master')) {
      const tuple = this.#tuple(call, 'master');
      if (typeof tuple === 'number') return tuple;
      master = findFlow(this.#tracker.flows, tuple)?.flow;
      if (master === undefined) return Errno.ENOENT;
      if (this.#tracker.flows.extras.helperOf(master) === undefined) return 0; // it has no expectations: the response is empty
    }
    const all = [...expectations].filter(
      (one) => (family === 0 || one.tuple.family === family) && (master === undefined || one.master === master),
    );
    return new ExpectDump(this.#namespace, all);
  }

  #delete(call: ExpectCall): number {
    const { attributes } = call;
    const { expectations } = this.#tracker;
    if (attributes.has('tuple')) {
      const found = this.#one(call);
      if (typeof found === 'number') return found;
      expectations.remove(found.id);
      return 0;
    }
    const name = attributes.get('helpName');
    const { tracker } = this.#namespace;
    expectations.removeAll((one) => name === undefined || tracker.flows.extras.helperOf(one.master)?.name === name);
    return 0;
  }

  /** The counters of one processor. */
  #statsCpu(): Dump {
    const { expectNew, expectCreate, expectDelete } = this.#tracker.flows.statistics;
    let told = false;
    return {
      fill: (block, head) => {
        const whole = { ...head, type: messageType(Subsystem.CtnetlinkExp, ExpectCommand.GetStatsCpu) };
        told ||= block.add(whole, ExpectStatsCpu, { added: expectNew, created: expectCreate, deleted: expectDelete });
        return told;
      },
    };
  }
}

const errnoOf = (refusal: ExpectationRefusal): number => (refusal === 'same' ? 0 : Errno[refusal]);

/** The expectations at the start of the dump, without those that are removed meanwhile. */
class ExpectDump implements Dump {
  readonly #namespace: Namespace;
  readonly #expectations: readonly Expectation[];
  #next = 0;

  constructor(namespace: Namespace, expectations: readonly Expectation[]) {
    this.#namespace = namespace;
    this.#expectations = expectations;
  }

  fill(block: Block, head: MessageHead): boolean {
    const { expectations } = this.#namespace.tracker;
    for (; this.#next < this.#expectations.length; this.#next++) {
      const one = this.#expectations[this.#next] as Expectation;
      if (expectations.get(one.id) !== one) continue;
      const whole = { ...head, type: messageType(Subsystem.CtnetlinkExp, ExpectCommand.New), family: one.tuple.family };
      if (!block.add(whole, ExpectMessage, expectationValue(this.#namespace, one))) return false;
    }
    return true;
  }
}

/** Subsystem 2, the expectations of nfnetlink_conntrack. */
export const ctnetlinkExp = (namespace: Namespace, events: Events): SubsystemRows => new CtnetlinkExp(namespace, events).rows();
