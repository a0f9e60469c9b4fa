import {
  EventBit,
  type EventSink,
  type Expectation,
  type ExpectationEvent,
  type FlowEvent,
  type Namespace,
  readTuple,
  type Tuple,
} from '@ring3/conntrack';
import { type DebugSwitches, hostPort, type LogFields } from '@ring3/kit';
import { describeDatagram, fromWireName, IpProtocol, printAddress, Subsystem } from '@ring3/nfnetlink';
import { flagNames, littleEndianHost, nameOf } from '@ring3/wire';

/** The components of the netfilter half that have a debug switch. */
export const netfilterWords = ['netlink', 'conntrack', 'expect', 'timeout', 'helper', 'queue'] as const;
export type NetfilterWord = (typeof netfilterWords)[number];

/** Subsystems with a separate switch. */
const wordOf: Readonly<Record<number, NetfilterWord>> = {
  [Subsystem.CtnetlinkTimeout]: 'timeout',
  [Subsystem.Cthelper]: 'helper',
  [Subsystem.Queue]: 'queue',
};

/** The debug output of a namespace. While all switches are off it does not listen to the tracker, and a datagram costs one test. */
export class NamespaceDebug implements EventSink {
  readonly #name: string;
  readonly #namespace: Namespace;
  readonly #debug: DebugSwitches<NetfilterWord>;
  #attached = false;

  constructor(name: string, namespace: Namespace, debug: DebugSwitches<NetfilterWord>) {
    this.#name = name;
    this.#namespace = namespace;
    this.#debug = debug;
    const attach = (): void => this.#attach();
    attach();
    namespace.onClose(debug.onToggle(attach));
  }

  #attach(): void {
    const wanted = this.listens();
    if (wanted === this.#attached) return;
    this.#attached = wanted;
    if (wanted) this.#namespace.addSink(this);
    else this.#namespace.deleteSink(this);
  }

  listens(): boolean {
    const { conntrack, expect, timeout, helper } = this.#debug.on;
    return conntrack || expect || timeout || helper;
  }

  /** A datagram from or to a program: each message with the names of its declaration, and of the payload only the length. */
  readonly trace = (direction: 'in' | 'out', portId: number, datagram: Uint8Array): void => {
    const { on } = this.#debug;
    if (!on.netlink && !on.timeout && !on.helper && !on.queue) return;
    const own = wordOf[subsystemOf(datagram)];
    const word = own !== undefined && on[own] ? own : 'netlink';
    if (on[word]) for (const line of describeDatagram(datagram)) this.#say(word, `${direction} ${line}`, { portId });
  };

  flow(event: FlowEvent, flow: number, happened: number): void {
    const { flows } = this.#namespace;
    const { on } = this.#debug;
    const about = { flow, ...tupleFields(readTuple(flows.table, flow, 0)) };
    if (on.conntrack) this.#say('conntrack', event, { ...about, happened: flagNames(EventBit, happened) });
    if (event !== 'new') return;
    const policy = flows.extras.policyOf(flow);
    if (policy !== undefined) this.#say('timeout', 'attached', { policy: fromWireName(policy.name), ...about });
    const helper = flows.extras.helperOf(flow);
    if (helper !== undefined) this.#say('helper', 'attached', { helper: fromWireName(helper.name), ...about });
  }

  expectation(event: ExpectationEvent, { id, master, tuple, helper }: Expectation): void {
    if (!this.#debug.on.expect) return;
    const by = helper === undefined ? {} : { helper: fromWireName(helper.name) };
    this.#say('expect', event, { expectation: id, master, ...tupleFields(tuple), ...by });
  }

  #say(word: NetfilterWord, what: string, fields: LogFields): void {
    this.#debug.say(word, what, { namespace: this.#name, ...fields });
  }
}

const tupleFields = ({ protocol, source, sourcePort, destination, destinationPort, zone = 0 }: Tuple): LogFields => ({
  protocol: nameOf(IpProtocol, protocol),
  source: hostPort(printAddress(source), sourcePort),
  destination: hostPort(printAddress(destination), destinationPort),
  ...(zone === 0 ? {} : { zone }),
});

/** Bytes of the header, and offset of the request header in an error message. */
const headerLength = 16;
const echoed = headerLength + 4;
const errorType = 2;

/** The subsystem of the first message of a datagram, or of the request that it responds to; -1 if there is none. */
function subsystemOf(datagram: Uint8Array): number {
  if (datagram.length < headerLength) return -1;
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  const type = view.getUint16(4, littleEndianHost);
  if (type !== errorType) return type >> 8;
  return datagram.length < echoed + headerLength ? -1 : view.getUint16(echoed + 4, littleEndianHost) >> 8;
}
