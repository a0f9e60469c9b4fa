import { type Attrs, type AttrsInput, type AttrTable, Frame, littleEndianHost } from '@ring3/wire';
import { align, headerLength, MessageHeader } from '../message.ts';

/** The headers of a message. */
export interface MessageHead {
  /** `nlmsg_type`. */
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly portId: number;
  /** `nfgen_family`; default 0. */
  readonly family?: number;
  /** `version`; default NFNETLINK_V0. */
  readonly version?: number;
  /** `res_id`; default 0. */
  readonly resourceId?: number;
}

/** Bytes of `struct nfgenmsg`, uapi/linux/netfilter/nfnetlink.h. */
export const familyHeaderLength = 4;

/** Space after the limit, for a message that does not fit; also the initial size of a block without a limit. */
const slack = 1024;

/** A datagram under construction: messages one after another, up to a limit. The first message always fits. */
export class Block {
  #frame: Frame;
  readonly #limit: number;
  #used = 0;
  /** Number of messages. */
  count = 0;

  /** @param limit bytes; 0: unlimited */
  constructor(limit = 0) {
    this.#limit = limit;
    this.#frame = Frame.alloc(limit === 0 ? slack : limit + slack);
  }

  /** The buffer of the messages; replaced when the block grows. */
  get frame(): Frame {
    return this.#frame;
  }

  /**
   * Starts a message with its headers and space for its attributes, which the caller writes immediately.
   * @param attributeBytes padded to four
   * @returns the position of the attributes in `frame`, or -1 if the block is full
   */
  message(head: MessageHead, attributeBytes: number): number {
    const length = headerLength + familyHeaderLength + attributeBytes;
    const at = this.#used;
    if (this.#limit !== 0 && this.count > 0 && at + align(length) > this.#limit) return -1;
    if (at + align(length) > this.#frame.bytes.length) this.#grow(at + align(length));
    const frame = this.#frame;
    MessageHeader.write(frame, at, { length, type: head.type, flags: head.flags, sequence: head.sequence, portId: head.portId });
    frame.bytes[at + headerLength] = head.family ?? 0;
    frame.bytes[at + headerLength + 1] = head.version ?? 0;
    frame.view.setUint16(at + headerLength + 2, head.resourceId ?? 0, false);
    this.#used = at + align(length);
    this.count++;
    return at + headerLength + familyHeaderLength;
  }

  /**
   * Starts a message of unknown length; `finish` completes it.
   * @param most maximum size of its attributes
   * @returns the position of the attributes in `frame`; the bytes there are unspecified
   */
  begin(head: MessageHead, most: number): number {
    const at = this.#used;
    const first = at + headerLength + familyHeaderLength;
    if (first + most > this.#frame.bytes.length) this.#grow(first + most);
    const { bytes, view } = this.#frame;
    view.setUint16(at + 4, head.type, littleEndianHost);
    view.setUint16(at + 6, head.flags, littleEndianHost);
    view.setUint32(at + 8, head.sequence, littleEndianHost);
    view.setUint32(at + 12, head.portId, littleEndianHost);
    bytes[at + headerLength] = head.family ?? 0;
    bytes[at + headerLength + 1] = 0;
    view.setUint16(at + headerLength + 2, head.resourceId ?? 0, false);
    return first;
  }

  /** Completes the started message. @param end the padded end of its attributes @returns false if the block is full: no message was added */
  finish(end: number): boolean {
    if (this.#limit !== 0 && this.count > 0 && end > this.#limit) return false;
    this.#frame.view.setUint32(this.#used, end - this.#used, littleEndianHost);
    this.#used = end;
    this.count++;
    return true;
  }

  /** Adds a message whose attributes a declaration writes. @returns false if the block is full: no message was added */
  add<A extends AttrTable>(head: MessageHead, declaration: Attrs<A>, value: AttrsInput<A>): boolean {
    const at = this.message(head, declaration.size(value));
    if (at < 0) return false;
    declaration.write(this.#frame, at, value);
    return true;
  }

  /** The datagram so far. */
  bytes(): Uint8Array {
    return this.#frame.bytes.subarray(0, this.#used);
  }

  #grow(wanted: number): void {
    const larger = Frame.alloc(Math.max(wanted, this.#frame.bytes.length * 2));
    larger.bytes.set(this.#frame.bytes);
    this.#frame = larger;
  }
}
