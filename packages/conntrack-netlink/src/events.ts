import type { EventSink, Expectation, ExpectationEvent, FlowEvent, Namespace } from '@ring3/conntrack';
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

/** Tells programs in multicast groups what happens to flows and expectations. Nothing is written where nobody listens. */
export class Events implements EventSink {
  readonly #namespace: Namespace;
  readonly #writer: FlowWriter;
  #server: NetlinkServer | undefined;
  /** The port id of the program whose request is at work; 0 where packets or time are. */
  #cause = 0;

  constructor(namespace: Namespace) {
    this.#namespace = namespace;
    this.#writer = new FlowWriter(namespace);
  }

  /** The server whose programs listen. */
  attach(server: NetlinkServer): void {
    this.#server = server;
    this.#namespace.addSink(this);
  }

  /** Events inside carry the port id of the program that caused them. */
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

  flow(event: FlowEvent, flow: number, happened: number): void {
    const group = groups[event];
    if (this.#server?.listening(group) !== true) return;
    const block = new Block();
    const head = { sequence: 0, portId: this.#cause };
    if (event === 'destroy') this.#writer.destroyed(block, { ...head, type: conntrackDelete, flags: 0 }, flow);
    else this.#writer.event(block, { ...head, type: conntrackNew, flags: event === 'new' ? created : 0 }, flow, happened);
    this.#server.notify(group, block.bytes());
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
