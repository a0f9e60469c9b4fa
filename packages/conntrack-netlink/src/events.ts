import { EventBit, type EventSink, type Expectation, type ExpectationEvent, type FlowEvent, type Namespace } from '@ring3/conntrack';
import { Block, type NetlinkServer, NewFlags } from '@ring3/netlink';
import { ConntrackCommand, ExpectCommand, ExpectMessage, Group, messageType, Subsystem } from '@ring3/nfnetlink';
import { FlowWriter } from './ctnetlink/write-flow.ts';
import { expectationValue } from './ctnetlink-exp/expectation-value.ts';

const conntrackNew = messageType(Subsystem.Ctnetlink, ConntrackCommand.New);
const conntrackDelete = messageType(Subsystem.Ctnetlink, ConntrackCommand.Delete);
const groups = { new: Group.ConntrackNew, update: Group.ConntrackUpdate, destroy: Group.ConntrackDestroy } as const;
/** The groups of flows and expectations. */
const everyGroup = [1, 2, 3, 4, 5, 6] as const;
const created = NewFlags.Create | NewFlags.Excl;

/** Sends events of flows and expectations to the multicast groups. No message is built without a listener. */
export class Events implements EventSink {
  readonly #namespace: Namespace;
  readonly #writer: FlowWriter;
  #server: NetlinkServer | undefined;
  /** The port id of the program whose request is being handled; 0 for packets and timers. */
  #cause = 0;
  /** The port ids of the programs that ended the dying flows. */
  readonly #causes = new Map<number, number>();

  constructor(namespace: Namespace) {
    this.#namespace = namespace;
    this.#writer = new FlowWriter(namespace);
  }

  /** The server whose programs listen. */
  attach(server: NetlinkServer): void {
    this.#server = server;
    this.#namespace.addSink(this);
  }

  /** Runs a function whose events contain the port id of the program that caused them. */
  causedBy<T>(portId: number, act: () => T): T {
    const before = this.#cause;
    this.#cause = portId;
    try {
      return act();
    } finally {
      this.#cause = before;
    }
  }

  listens(): boolean {
    return everyGroup.some((group) => this.#server?.listening(group) === true);
  }

  /** Sends an event, together with the missed events of the flow. @returns false if a port with NETLINK_BROADCAST_ERROR lost it */
  flow(event: FlowEvent, flow: number, happened: number, missed: number): boolean {
    if (event === 'destroy') return this.#destroy(flow);
    const bits = happened | missed;
    const isNew = (bits & EventBit.New) !== 0;
    const group = isNew ? groups.new : groups.update;
    if (this.#server?.listening(group) !== true) return true;
    const block = new Block();
    this.#writer.event(block, { sequence: 0, portId: this.#cause, type: conntrackNew, flags: isNew ? created : 0 }, flow, bits);
    return this.#server.notify(group, block.bytes());
  }

  /** @returns false if a port with NETLINK_BROADCAST_ERROR lost it */
  #destroy(flow: number): boolean {
    if (this.#server?.listening(groups.destroy) !== true) return true;
    if (this.#server.notify(groups.destroy, this.#destroyed(flow, this.#cause))) return true;
    if (this.#cause !== 0) this.#causes.set(flow, this.#cause);
    return false;
  }

  #destroyed(flow: number, portId: number): Uint8Array {
    const block = new Block();
    this.#writer.destroyed(block, { sequence: 0, portId, type: conntrackDelete, flags: 0 }, flow);
    return block.bytes();
  }

  /** Nothing is sent before every port with NETLINK_BROADCAST_ERROR has space for it, so that the others do not get it again and again. */
  retry(flow: number, missed: number): boolean {
    if (!this.#namespace.flows.isDying(flow)) return missed === 0 || this.flow('update', flow, 0, missed);
    const { destroy } = groups;
    if (this.#server?.listening(destroy) === true) {
      const datagram = this.#destroyed(flow, this.#causes.get(flow) ?? 0);
      if (!this.#server.accepts(destroy, datagram.length)) return false;
      this.#server.notify(destroy, datagram);
    }
    this.#causes.delete(flow);
    return true;
  }

  expectation(event: ExpectationEvent, expectation: Expectation): void {
    const group = event === 'new' ? Group.ConntrackExpNew : Group.ConntrackExpDestroy;
    if (this.#server?.listening(group) !== true) return;
    const type = messageType(Subsystem.CtnetlinkExp, event === 'new' ? ExpectCommand.New : ExpectCommand.Delete);
    const flags = event === 'new' ? created : 0;
    const block = new Block();
    const head = { type, flags, sequence: 0, portId: this.#cause, family: expectation.tuple.family };
    block.add(head, ExpectMessage, expectationValue(this.#namespace, expectation));
    this.#server.notify(group, block.bytes());
  }
}
