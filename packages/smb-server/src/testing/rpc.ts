import { ok } from 'node:assert/strict';
import { Frame } from '@ring3/wire';
import { uuid } from '../pipe/endpoint.ts';
import type { PipeAccounts, PipeHost } from '../pipe/host.ts';
import { NdrReader } from '../pipe/ndr.ts';
import { openPipe, type Pipe } from '../pipe/pipe.ts';
import { Bind, Fault, PduHeader, PduType, RequestHead } from '../pipe/rpc-messages.ts';

/** The tested interfaces: id, version, and the operation that reports the server. */
export const srvsvc = { abstract: '4b324fc8-1670-01d3-1278-5a47bf6ee188', version: 3, getInfo: 21 } as const;
export const wkssvc = { abstract: '6bffd098-a112-3610-9833-46c3f87e345a', version: 1, getInfo: 0 } as const;
export const lsarpc = { abstract: '12345778-1234-abcd-ef00-0123456789ab', version: 0 } as const;
export const samr = { abstract: '12345778-1234-abcd-ef00-0123456789ac', version: 1 } as const;

/** A DCE/RPC PDU of call 7. */
export function pdu(type: number, body: Uint8Array, flags = 3): Uint8Array {
  const frame = Frame.alloc(PduHeader.byteLength + body.length);
  PduHeader.write(frame, 0, { type, flags, fragmentLength: frame.length, callId: 7 });
  frame.bytes.set(body, PduHeader.byteLength);
  return frame.bytes;
}

const ndr = { uuid: uuid('8a885d04-1ceb-11c9-9fe8-08002b104860'), version: 2 };

/** Binds context 0 to an interface. */
export function binding(abstract: string, version: number): Uint8Array {
  const context = { contextId: 0, uuid: uuid(abstract), version, transferSyntaxes: [ndr] };
  return pdu(
    PduType.Bind,
    Bind.encode({ maxTransmit: 4280, maxReceive: 4280, associationGroup: 0, contexts: [context] as never }).head.subarray(16),
  );
}

/** Calls an operation of context 0. */
export function calling(operation: number, stub: Uint8Array, flags = 3): Uint8Array {
  const frame = Frame.alloc(RequestHead.byteLength + stub.length);
  RequestHead.write(frame, 0, { allocationHint: stub.length, contextId: 0, operation });
  frame.bytes.set(stub, RequestHead.byteLength);
  return pdu(PduType.Request, frame.bytes, flags);
}

/** A server with these accounts, as the pipes see it. */
export const pipeHost = (accounts: PipeAccounts, more: Partial<PipeHost> = {}): PipeHost => ({
  accounts,
  serverName: 'RING3',
  workgroup: 'WORKGROUP',
  comment: '',
  users: 1,
  idleMs: 0,
  shares: () => [],
  wall: () => 0,
  ...more,
});

/** An open pipe whose context 0 is bound to an interface. */
export function boundPipe(
  name: string,
  { abstract, version }: { readonly abstract: string; readonly version: number },
  host: PipeHost,
): Pipe {
  const pipe = openPipe(name, host) as Pipe;
  ok(pipe.write(binding(abstract, version)));
  pipe.read(65536);
  return pipe;
}

/** Reads a response, which may have several fragments. @returns its PDU type, and its stub data; for a fault the whole PDU */
export function responseOf(pipe: Pipe): { type: number; stub: Uint8Array; fragments: number } {
  const stubs: Uint8Array[] = [];
  for (let fragments = 1; ; fragments++) {
    const { bytes } = pipe.read(65536) as { bytes: Uint8Array };
    const { type, flags } = PduHeader.read(new Frame(bytes), 0);
    if (type === PduType.Fault) return { type, stub: bytes, fragments };
    stubs.push(bytes.subarray(24));
    if ((flags & 2) !== 0) return { type, stub: new Uint8Array(Buffer.concat(stubs)), fragments };
  }
}

/** Calls an operation. @returns its stub data, or the status of a fault */
export function call(pipe: Pipe, operation: number, stub: Uint8Array): NdrReader | number {
  ok(pipe.write(calling(operation, stub)));
  const response = responseOf(pipe);
  const frame = new Frame(response.stub);
  return response.type === PduType.Fault ? Fault.read(frame, PduHeader.byteLength).status : new NdrReader(frame);
}

/** The stub data of a call that must not fail with a fault. */
export function reader(answer: NdrReader | number): NdrReader {
  ok(typeof answer === 'object', `a fault: ${answer}`);
  return answer;
}
