import {
  createFlow,
  FlowDeletion,
  type FlowRequest,
  findFlow,
  type HelperRef,
  Id,
  type Namespace,
  Statistics,
  Status,
  StatusWord,
  type Tuple,
  zeroCounters,
} from '@ring3/conntrack';
import {
  type AnyCommand,
  type AttributeSet,
  type Block,
  type Call,
  command,
  type Dump,
  Errno,
  MessageFlags,
  type MessageHead,
  NewFlags,
  type Slices,
  type SubsystemRows,
  subsystem,
} from '@ring3/netlink';
import { ConntrackCommand, ConntrackMessage, ConntrackStats, ConntrackStatsCpu, messageType, Subsystem } from '@ring3/nfnetlink';
import { causing, flowsNow } from '../at-work.ts';
import type { Events } from '../events.ts';
import { changedBits, changeFlow, expirySeconds, helpOf, protocolChange, settableStatus } from './change.ts';
import { sequenceChange, synproxyOf, translationOf } from './extensions.ts';
import { type FlowFilter, filterOf } from './filter.ts';
import { tupleOf } from './tuple.ts';
import { FlowWriter } from './write-flow.ts';

type ConntrackCall = Call<(typeof ConntrackMessage)['table']>;
type ConntrackAttributes = AttributeSet<(typeof ConntrackMessage)['table']>;

/** Attributes of responses: not validated in requests, or not allowed. */
const unchecked = ['countersOrig', 'countersReply', 'use', 'timestamp', 'synproxy'] as const;
const rejected = ['timestampEvent'] as const;

/** The tuples of a request. */
interface Named {
  readonly orig: Tuple | undefined;
  readonly reply: Tuple | undefined;
}

/**
 * The tuples of a request, in the zone of CTA_ZONE for both directions, or of CTA_TUPLE_ZONE for one.
 * @param first use the first tuple present; ignore the other
 * @returns the tuples or a positive errno
 */
function namedBy({ attributes, family }: ConntrackCall, first = false): Named | number {
  let zone = attributes.get('zone') ?? 0;
  let only: 'tupleOrig' | 'tupleReply' | undefined;
  const found: { tupleOrig?: Tuple; tupleReply?: Tuple } = {};
  for (const field of ['tupleOrig', 'tupleReply'] as const) {
    if (!attributes.has(field) || (first && found.tupleOrig !== undefined)) continue;
    const tuple = tupleOf(attributes, field, family);
    if (typeof tuple === 'number') return tuple;
    if (tuple.zone !== undefined) {
      if (zone !== 0) return Errno.EINVAL;
      zone = tuple.zone;
      only = field;
    }
    found[field] = tuple;
  }
  const zoned = (field: 'tupleOrig' | 'tupleReply'): Tuple | undefined => {
    const { zone: _, ...tuple } = found[field] ?? {};
    if (found[field] === undefined) return undefined;
    return (zone === 0 || (only !== undefined && only !== field) ? tuple : { ...tuple, zone }) as Tuple;
  };
  return { orig: zoned('tupleOrig'), reply: zoned('tupleReply') };
}

/** The handlers of subsystem 1, nfnetlink_conntrack, of one namespace. */
class Ctnetlink {
  readonly #namespace: Namespace;
  readonly #writer: FlowWriter;
  readonly #events: Events;
  readonly #processors: number;

  constructor(namespace: Namespace, events: Events, processors: number) {
    this.#processors = processors;
    this.#namespace = namespace;
    this.#writer = new FlowWriter(namespace);
    this.#events = events;
  }

  /** The table, advanced to the current time. */
  get #flows() {
    return flowsNow(this.#namespace);
  }

  rows(): SubsystemRows {
    return subsystem(Subsystem.Ctnetlink, {
      [ConntrackCommand.New]: this.#row((call) => this.#new(call)),
      [ConntrackCommand.Get]: this.#row(
        (call) => this.#get(call, false),
        (call) => this.#list(call, false),
      ),
      [ConntrackCommand.Delete]: this.#row((call) => this.#delete(call)),
      [ConntrackCommand.GetCtrZero]: this.#row(
        (call) => this.#get(call, true),
        (call) => this.#list(call, true),
      ),
      [ConntrackCommand.GetStatsCpu]: this.#row(
        () => 0,
        () => this.#statsCpu(),
      ),
      [ConntrackCommand.GetStats]: this.#row((call) => this.#stats(call)),
      [ConntrackCommand.GetDying]: this.#row(
        () => Errno.EOPNOTSUPP,
        ({ family }) => new FlowDump(this.#namespace, this.#writer, (flow) => this.#flows.isDying(flow) && this.#isOf(flow, family)),
      ),
      [ConntrackCommand.GetUnconfirmed]: this.#row(
        () => Errno.EOPNOTSUPP,
        ({ family }) => new FlowDump(this.#namespace, this.#writer, (flow) => this.#isUnconfirmed(flow) && this.#isOf(flow, family)),
      ),
    });
  }

  #row(handle: (call: ConntrackCall) => number | Slices, dump?: (call: ConntrackCall) => Dump | number): AnyCommand {
    const caused = causing(this.#namespace, this.#events);
    return command({
      attributes: ConntrackMessage,
      unchecked,
      rejected,
      handle: caused(handle),
      ...(dump === undefined ? {} : { dump: caused(dump) }),
    });
  }

  #new(call: ConntrackCall): number {
    const { attributes, header } = call;
    const flows = this.#flows;
    const named = namedBy(call);
    if (typeof named === 'number') return named;
    const tuple = named.orig ?? named.reply;
    const found = tuple === undefined ? undefined : findFlow(flows, tuple);
    if (found === undefined) return (header.flags & NewFlags.Create) === 0 ? Errno.ENOENT : this.#create(attributes, call.family, named);
    if ((header.flags & NewFlags.Excl) !== 0) return Errno.EEXIST;
    const protocol = (tuple as Tuple).protocol;
    const errno = changeFlow(this.#namespace, found.flow, attributes, protocol);
    if (errno === 0) flows.emit('update', found.flow, changedBits);
    return errno;
  }

  #create(attributes: ConntrackAttributes, family: number, { orig, reply }: Named): number {
    const flows = this.#flows;
    if (orig === undefined || reply === undefined || orig.protocol !== reply.protocol) return Errno.EINVAL;
    const timeoutSeconds = attributes.get('timeout');
    if (timeoutSeconds === undefined) return Errno.EINVAL;
    const helper = this.#helperFor(attributes, orig);
    if (typeof helper === 'number') return helper;
    const translation = translationOf(attributes, orig.family);
    if (typeof translation === 'number') return translation;
    const status = attributes.get('status') ?? Status.Confirmed;
    if ((status & Status.Confirmed) === 0 || (status & (Status.Expected | Status.Dying)) !== 0) return Errno.EBUSY;
    const { made: sequenceAdjustments, errno } = sequenceChange(attributes);
    if (errno !== 0) return errno;
    const change = protocolChange(attributes, orig.protocol);
    if (typeof change === 'number') return change;
    const synproxy = synproxyOf(attributes);
    if (typeof synproxy === 'number') return synproxy;
    const master = this.#masterOf(attributes, family);
    if (typeof master === 'string') return Errno[master];
    const request: FlowRequest = {
      orig,
      reply,
      timeoutSeconds: expirySeconds(timeoutSeconds, this.#namespace.hz),
      status: status & settableStatus,
      mark: attributes.get('mark') ?? 0,
      ...(helper === undefined ? {} : { helper }),
      ...(master === undefined ? {} : { master }),
      ...(translation === undefined ? {} : { translation }),
      ...(sequenceAdjustments === undefined ? {} : { sequenceAdjustments }),
      ...(synproxy === undefined ? {} : { synproxy }),
      ...change,
    };
    const made = createFlow(flows, request);
    if (typeof made === 'string') return Errno[made];
    const help = helpOf(attributes);
    if (typeof help === 'object' && help.info !== undefined) flows.extras.writeHelperData(made, help.info);
    return 0;
  }

  #helperFor(attributes: ConntrackAttributes, orig: Tuple): HelperRef | number | undefined {
    const help = helpOf(attributes);
    if (help === undefined || typeof help === 'number') return help;
    return this.#namespace.findNamedHelper(help.name, orig.family, orig.protocol) ?? Errno.EOPNOTSUPP;
  }

  #masterOf(attributes: ConntrackAttributes, family: number): number | 'ENOENT' | 'EINVAL' | 'ERANGE' | 'EOPNOTSUPP' | undefined {
    if (!attributes.has('tupleMaster')) return undefined;
    const tuple = tupleOf(attributes, 'tupleMaster', family);
    if (typeof tuple === 'number') return tuple === Errno.ERANGE ? 'ERANGE' : tuple === Errno.EOPNOTSUPP ? 'EOPNOTSUPP' : 'EINVAL';
    const zone = attributes.get('zone') ?? 0;
    return findFlow(this.#flows, { ...tuple, zone: tuple.zone ?? zone })?.flow ?? 'ENOENT';
  }

  /** The flow of a GET or DELETE. @returns its index, or a negative errno */
  #one(call: ConntrackCall, named: Named): number {
    const flows = this.#flows;
    const tuple = named.orig ?? named.reply;
    if (tuple === undefined) return -Errno.EINVAL;
    const found = findFlow(flows, tuple);
    if (found === undefined) return -Errno.ENOENT;
    const id = call.attributes.get('id');
    return id !== undefined && id !== flows.table.word(found.flow, Id) >>> 0 ? -Errno.ENOENT : found.flow;
  }

  #get(call: ConntrackCall, zero: boolean): number {
    const named = namedBy(call, true);
    if (typeof named === 'number') return named;
    const tuple = named.orig ?? named.reply;
    if (tuple === undefined) return Errno.EINVAL;
    const found = findFlow(this.#flows, tuple);
    if (found === undefined) return Errno.ENOENT;
    call.replyWith(ConntrackCommand.New, (block, head) => this.#writer.answer(block, head, found.flow, 2));
    if (zero) zeroCounters(this.#flows, found.flow);
    return 0;
  }

  #list({ attributes, family }: ConntrackCall, zero: boolean): Dump | number {
    const flows = this.#flows;
    const filter = filterOf(attributes, family);
    if (typeof filter === 'number') return filter;
    const wanted = filter === undefined ? () => true : (flow: number): boolean => filter(flows, flow);
    const after = zero ? (flow: number): void => zeroCounters(flows, flow) : undefined;
    return new FlowDump(
      this.#namespace,
      this.#writer,
      (flow) => flows.isAlive(flow) && wanted(flow),
      filter === undefined ? 0 : MessageFlags.DumpFiltered,
      after,
    );
  }

  /** Whether a flow is listed as one that is not in the table yet. */
  #isUnconfirmed(flow: number): boolean {
    const { table } = this.#flows;
    return this.#namespace.profile.listsUnconfirmed && table.isUsed(flow) && (table.word(flow, StatusWord) & Status.Confirmed) === 0;
  }

  /** Whether a flow is of a family; 0 is any. */
  #isOf(flow: number, family: number): boolean {
    return family === 0 || ((this.#flows.table.word(flow, 3) >>> 8) & 255) === family;
  }

  #delete(call: ConntrackCall): number | Slices {
    const { attributes } = call;
    const flows = this.#flows;
    const one = attributes.has('tupleOrig') || attributes.has('tupleReply');
    if (!one || attributes.has('filter')) return this.#flush(call);
    const named = namedBy(call, true);
    if (typeof named === 'number') return named;
    const flow = this.#one(call, named);
    if (flow < 0) return -flow;
    flows.destroy(flow);
    return 0;
  }

  /** Deletes all flows that the filter selects. The family is used from version 1 of the message on. */
  #flush({ attributes, version, family, port }: ConntrackCall): number | Slices {
    const flows = this.#flows;
    const filter: FlowFilter | number | undefined = filterOf(attributes, version === 0 ? 0 : family, family);
    if (typeof filter === 'number') return filter;
    const deletion = new FlowDeletion(flows, filter === undefined ? undefined : (flow) => filter(flows, flow));
    const { portId } = port;
    return { next: () => (this.#events.causedBy(portId, () => deletion.next()) ? 0 : undefined) };
  }

  #stats(call: ConntrackCall): number {
    const { flowCount, settings } = this.#namespace;
    call.reply(ConntrackCommand.GetStats, ConntrackStats, { entries: flowCount, maxEntries: settings.max });
    return 0;
  }

  /** One message per processor; the first contains all counts. */
  #statsCpu(): Dump {
    const { statistics } = this.#flows;
    let next = 0;
    return {
      fill: (block, head) => {
        const type = messageType(Subsystem.Ctnetlink, ConntrackCommand.GetStatsCpu);
        for (; next < this.#processors; next++) {
          const whole = { ...head, type, resourceId: next };
          if (!block.add(whole, ConntrackStatsCpu, countersOf(next === 0 ? statistics : uncounted))) return false;
        }
        return true;
      },
    };
  }
}

/** The counters of the other processors. */
const uncounted = new Statistics();

const countersOf = ({ found, invalid, insert, insertFailed, drop, earlyDrop, error, clashResolve }: Statistics) => ({
  found,
  invalid,
  insert,
  insertFailed,
  drop,
  earlyDrop,
  error,
  searchRestart: 0,
  clashResolve,
  chainTooLong: 0,
});

/**
 * A dump of flows by index, which a flow keeps while it exists: a flow that exists from start to end of the dump is listed exactly once.
 */
class FlowDump implements Dump {
  readonly #namespace: Namespace;
  readonly #writer: FlowWriter;
  readonly #belongs: (flow: number) => boolean;
  readonly #flags: number;
  readonly #after: ((flow: number) => void) | undefined;
  #next = 0;

  /** @param belongs whether the flow at an index is listed @param after called for each listed flow */
  constructor(namespace: Namespace, writer: FlowWriter, belongs: (flow: number) => boolean, flags = 0, after?: (flow: number) => void) {
    this.#namespace = namespace;
    this.#writer = writer;
    this.#belongs = belongs;
    this.#flags = flags;
    this.#after = after;
  }

  fill(block: Block, head: MessageHead): boolean {
    const { flows, clock } = this.#namespace;
    flows.advance(clock.now());
    const whole = { ...head, type: messageType(Subsystem.Ctnetlink, ConntrackCommand.New), flags: head.flags | this.#flags };
    const end = Math.min(flows.table.highest, this.#next + scannedAtOnce);
    for (; this.#next < end; this.#next++) {
      if (!this.#belongs(this.#next)) continue;
      if (!this.#writer.answer(block, whole, this.#next, 1)) return false;
      this.#after?.(this.#next);
    }
    return this.#next >= flows.table.highest;
  }
}

/** Number of indices that one call of `fill` visits: a filter may reject a million flows. */
const scannedAtOnce = 16_384;

/** Subsystem 1, nfnetlink_conntrack. @param processors lines of statistics */
export const ctnetlink = (namespace: Namespace, events: Events, processors = 1): SubsystemRows =>
  new Ctnetlink(namespace, events, processors).rows();
