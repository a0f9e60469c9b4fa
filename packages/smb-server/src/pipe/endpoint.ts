import { DecodeError, Frame, nameOf } from '@ring3/wire';
import type { PipeHost } from './host.ts';
import { NdrReader } from './ndr.ts';
import {
  Bind,
  BindAck,
  BindNak,
  type ContextResult,
  Fault,
  PduFlags,
  PduHeader,
  PduType,
  RequestHead,
  ResponseHead,
  RpcStatus,
} from './rpc-messages.ts';

/** A DCE/RPC interface: its id and version, and its operations by number. An operation reads its arguments and returns stub data, or the status of a fault. */
export interface RpcInterface {
  /** 16 bytes as on the wire. */
  readonly uuid: Uint8Array;
  /** Major in the low half, minor in the high one. */
  readonly version: number;
  readonly operations: Readonly<Record<number, (input: NdrReader, host: PipeHost) => Uint8Array | number>>;
}

/** One client's association with an interface (MS-RPCE 3.3.2): fragments in, fragments out. No I/O. */
export interface Endpoint {
  /** @returns the response PDUs, or undefined if the association is broken: garbage instead of a PDU */
  receive(bytes: Uint8Array): Uint8Array[] | undefined;
  /** Bytes of a request whose last fragment is missing. */
  readonly held: number;
}

/** A UUID as DCE writes it, from its text: the first three groups little-endian. */
export function uuid(text: string): Uint8Array {
  const bytes = Buffer.from(text.replaceAll('-', ''), 'hex');
  bytes.subarray(0, 4).reverse();
  bytes.subarray(4, 6).reverse();
  bytes.subarray(6, 8).reverse();
  return bytes;
}

/** Network Data Representation 2.0, C706 14. */
const ndr = { uuid: uuid('8a885d04-1ceb-11c9-9fe8-08002b104860'), version: 2 };
/** The first eight bytes of a bind time feature negotiation syntax, MS-RPCE 2.2.2.14. */
const featureNegotiation = uuid('6cb71c2c-9812-4540-0000-000000000000').subarray(0, 8);
const longestFragment = 4280;
const longestRequest = 1 << 20;
const Result = { Acceptance: 0, ProviderRejection: 2, NegotiateAck: 3 } as const;
const Reason = { AbstractSyntax: 1, TransferSyntaxes: 2 } as const;

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

/** Makes an endpoint of one interface. */
export function createEndpoint(name: string, rpc: RpcInterface, host: PipeHost): Endpoint {
  const accepted = new Set<number>();
  let fragmentLimit = longestFragment;
  let pending: { readonly head: { contextId: number; operation: number }; readonly stub: Uint8Array[]; length: number } | undefined;

  const pdu = (type: number, callId: number, body: Uint8Array, flags = PduFlags.FirstFragment | PduFlags.LastFragment): Uint8Array => {
    const frame = Frame.alloc(PduHeader.byteLength + body.length);
    PduHeader.write(frame, 0, { type, flags, fragmentLength: frame.length, callId });
    frame.bytes.set(body, PduHeader.byteLength);
    return frame.bytes;
  };
  const fault = (callId: number, contextId: number, status: number): Uint8Array => {
    const frame = Frame.alloc(Fault.byteLength);
    Fault.write(frame, 0, { allocationHint: 0, contextId, status });
    return pdu(PduType.Fault, callId, frame.bytes);
  };

  const bind = (frame: Frame, type: number, callId: number): Uint8Array => {
    const asked = Bind.read(frame, 0, frame.length);
    fragmentLimit = Math.min(longestFragment, Math.max(1432, asked.maxReceive));
    const results = asked.contexts.map(({ contextId, uuid: abstract, version, transferSyntaxes }) => {
      const none = { uuid: new Uint8Array(16), version: 0 };
      if (transferSyntaxes.some((syntax) => same(syntax.uuid.subarray(0, 8), featureNegotiation)))
        return { result: Result.NegotiateAck, reason: 0, ...none };
      if (!same(abstract, rpc.uuid) || (version & 0xffff) !== (rpc.version & 0xffff)) {
        return { result: Result.ProviderRejection, reason: Reason.AbstractSyntax, ...none };
      }
      if (!transferSyntaxes.some((syntax) => same(syntax.uuid, ndr.uuid)))
        return { result: Result.ProviderRejection, reason: Reason.TransferSyntaxes, ...none };
      accepted.add(contextId);
      return { result: Result.Acceptance, reason: 0, ...ndr };
    });
    host.log?.('bind', {
      pipe: name,
      accepted: results.filter(({ result }) => result === Result.Acceptance).length,
      offered: results.length,
    });
    const { head } = BindAck.encode({
      maxTransmit: fragmentLimit,
      maxReceive: longestFragment,
      associationGroup: asked.associationGroup === 0 ? 0x53f0 : asked.associationGroup,
      address: Buffer.from(type === PduType.Bind ? `\\PIPE\\${name}\0` : '\0', 'latin1'),
      list: { results: results as ReturnType<typeof ContextResult.read>[] },
    });
    const answer = type === PduType.Bind ? PduType.BindAck : PduType.AlterContextResponse;
    return pdu(answer, callId, head.subarray(PduHeader.byteLength));
  };

  const call = (callId: number): Uint8Array[] => {
    const { head, stub } = pending as NonNullable<typeof pending>;
    pending = undefined;
    const answer = answerOf(head, stub);
    const failed = typeof answer === 'number';
    host.log?.('request', {
      pipe: name,
      operation: head.operation,
      result: failed ? nameOf(RpcStatus, answer) : `${answer.length} bytes`,
    });
    return failed ? [fault(callId, head.contextId, answer)] : fragments(answer, callId, head.contextId);
  };
  /** The stub data that an operation returns, or the status of a fault. */
  const answerOf = ({ contextId, operation: number }: NonNullable<typeof pending>['head'], stub: Uint8Array[]): Uint8Array | number => {
    const operation = Object.hasOwn(rpc.operations, number) ? rpc.operations[number] : undefined;
    if (!accepted.has(contextId)) return RpcStatus.UnknownInterface;
    if (operation === undefined) return RpcStatus.OperationRange;
    try {
      return operation(new NdrReader(new Frame(Buffer.concat(stub))), host);
    } catch (error) {
      if (error instanceof DecodeError) return RpcStatus.BadStubData;
      throw error;
    }
  };
  const fragments = (stub: Uint8Array, callId: number, contextId: number): Uint8Array[] => {
    const room = (fragmentLimit - PduHeader.byteLength - ResponseHead.byteLength) & ~7;
    const made: Uint8Array[] = [];
    for (let at = 0; at === 0 || at < stub.length; at += room) {
      const piece = stub.subarray(at, at + room);
      const frame = Frame.alloc(ResponseHead.byteLength + piece.length);
      ResponseHead.write(frame, 0, { allocationHint: stub.length - at, contextId });
      frame.bytes.set(piece, ResponseHead.byteLength);
      const flags = (at === 0 ? PduFlags.FirstFragment : 0) | (at + room >= stub.length ? PduFlags.LastFragment : 0);
      made.push(pdu(PduType.Response, callId, frame.bytes, flags));
    }
    return made;
  };

  const request = (frame: Frame, flags: number, callId: number, authLength: number): Uint8Array[] | undefined => {
    const head = RequestHead.read(frame, PduHeader.byteLength);
    const from = PduHeader.byteLength + RequestHead.byteLength + ((flags & PduFlags.ObjectUuid) !== 0 ? 16 : 0);
    if (authLength !== 0 || from > frame.length) return undefined;
    if ((flags & PduFlags.FirstFragment) !== 0) pending = { head, stub: [], length: 0 };
    if (pending === undefined) return [fault(callId, head.contextId, RpcStatus.ProtocolError)];
    pending.stub.push(frame.bytes.slice(from));
    pending.length += frame.length; // headers too: a request of empty fragments has an end as well
    if (pending.length > longestRequest) return undefined;
    return (flags & PduFlags.LastFragment) !== 0 ? call(callId) : [];
  };

  const one = (bytes: Uint8Array): Uint8Array[] | undefined => {
    const frame = new Frame(bytes);
    const { type, flags, callId, authLength } = PduHeader.read(frame, 0);
    switch (type) {
      case PduType.Bind:
      case PduType.AlterContext:
        return [bind(frame, type, callId)];
      case PduType.Request:
        return request(frame, flags, callId, authLength);
      case PduType.Orphaned:
        pending = undefined;
        return [];
      default:
        return [fault(callId, 0, RpcStatus.ProtocolError)];
    }
  };

  return {
    get held() {
      return pending?.length ?? 0;
    },
    receive: (bytes) => {
      const answers: Uint8Array[] = [];
      try {
        for (let at = 0; at < bytes.length; ) {
          const header = PduHeader.read(new Frame(bytes), at);
          if (header.fragmentLength < PduHeader.byteLength || at + header.fragmentLength > bytes.length) return undefined;
          const more = one(bytes.subarray(at, at + header.fragmentLength));
          if (more === undefined) return undefined;
          answers.push(...more);
          at += header.fragmentLength;
        }
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
        const frame = Frame.alloc(BindNak.byteLength);
        BindNak.write(frame, 0, { reason: 4 }); // protocol version not supported, C706 12.6.3.1
        return bytes[2] === PduType.Bind && answers.length === 0 ? [pdu(PduType.BindNak, 0, frame.bytes)] : undefined;
      }
      return answers;
    },
  };
}
