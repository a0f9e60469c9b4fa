import type { Attrs, AttrsInput, AttrTable } from '@ring3/wire';
import type { MessageHeader } from '../message.ts';
import type { AttributeSet } from '../policy.ts';
import type { Block, MessageHead } from './block.ts';
import type { Port, Rights } from './port.ts';

/** One request while it is handled. */
export interface Call<A extends AttrTable = AttrTable> {
  readonly header: MessageHeader;
  /** `nfgen_family` of the request. */
  readonly family: number;
  /** `version` and `res_id` of the request. */
  readonly version: number;
  readonly resourceId: number;
  /** Validated by the whole table of the row. */
  readonly attributes: AttributeSet<A>;
  /** The requester: events that this request causes contain its `portId`. */
  readonly port: Port;
  readonly sender: Rights;
  /** Text for the extended acknowledgement of this request. */
  extack: string | undefined;
  /**
   * Sends one message; its header is the request's (sequence, port id, NLM_F_MULTI) with `type` and the fields of `head`.
   * @param command the message type inside the subsystem
   */
  reply<B extends AttrTable>(command: number, declaration: Attrs<B>, value: AttrsInput<B>, head?: Partial<MessageHead>): void;
  /** Sends a message that `write` puts into a block. @param command as for `reply` */
  replyWith(command: number, write: (block: Block, head: MessageHead) => void): void;
}

/** The work of a request on very many objects, done in slices so that other clients are served between them. */
export interface Slices {
  /** Does a bounded amount of work. @returns undefined if there is more to do, else 0 or a positive errno */
  next(): number | undefined;
}

/** A running dump, sent block by block. */
export interface Dump {
  /**
   * Adds messages until the list ends or one does not fit; the next call begins with that one, in its state at that time. It may return earlier,
   * even with an empty block, if the search for messages takes long: the next call is in another turn of the event loop.
   * @param head for messages of this dump: sequence, port id, NLM_F_MULTI
   * @returns true at the end of the list
   */
  fill(block: Block, head: MessageHead): boolean;
  /** The program closed its socket, or the dump is complete. */
  close?(): void;
  /** True if the list changed during the dump: NLM_F_DUMP_INTR is set on later blocks. */
  readonly interrupted?: boolean;
}

/** The handlers of one command of a subsystem. */
export interface Command<A extends AttrTable> {
  /** All attributes of the subsystem's messages; each request is validated by the whole table. */
  readonly attributes: Attrs<A>;
  /** Attributes that are not validated in requests. */
  readonly unchecked?: readonly (keyof A & string)[];
  /** Attributes that requests must not have: EINVAL. */
  readonly rejected?: readonly (keyof A & string)[];
  /** The right required in addition to CAP_NET_ADMIN over the namespace. */
  readonly needs?: keyof Rights;
  /** Handles a request without NLM_F_DUMP, or any request if there is no `dump`. @returns undefined for success, a positive errno, or work to do in slices */
  handle(call: Call<A>): number | undefined | Slices;
  /** Handles a request with a bit of NLM_F_DUMP. @returns the dump, or a positive errno */
  dump?(call: Call<A>): Dump | number;
}

/** Declares a command: infers the attribute types of its handlers. */
export const command = <A extends AttrTable>(row: Command<A>): Command<A> => row;

// biome-ignore lint/suspicious/noExplicitAny: commands of any table
export type AnyCommand = Command<any>;

/** The commands of one nfnetlink subsystem, by message type. */
export interface SubsystemRows {
  /** `nlmsg_type >> 8`. */
  readonly id: number;
  readonly commands: Readonly<Record<number, AnyCommand | undefined>>;
}

/** Joins the commands of a subsystem: `subsystem(Subsystem.CtnetlinkTimeout, { [IpctnlMsgTimeout.New]: timeoutNew, … })`. */
export const subsystem = (id: number, commands: Readonly<Record<number, AnyCommand | undefined>>): SubsystemRows => ({ id, commands });
