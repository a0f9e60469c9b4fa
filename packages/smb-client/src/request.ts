import { Command, Header, HeaderFlags, headerLength, NtStatus, StatusError } from '@ring3/smb-proto';
import { type Encoded, Frame, nameOf } from '@ring3/wire';
import type { Session } from './session.ts';

/** One request of a frame. */
export interface Request {
  readonly command: Command;
  /** As `message.encode` gives it: 64 bytes for the header, then the body. */
  readonly body: Encoded;
  /** Undefined for NEGOTIATE and the first SESSION_SETUP. */
  readonly session?: Session;
  readonly treeId?: number;
  /** Payload bytes sent or requested, whichever is larger: 64 KiB cost one credit, MS-SMB2 3.1.5.2. */
  readonly payload?: number;
  /** Header flags in addition to those that the client sets itself. */
  readonly flags?: number;
  /** true: encrypt although neither session nor share requires it; false: do not encrypt although they do. */
  readonly encrypt?: boolean;
}

/** One response. The message begins at `at` of the frame's head; offsets of its parts count from there. */
export interface Reply {
  readonly header: Header;
  readonly status: number;
  readonly frame: Frame;
  readonly at: number;
  /** Bytes from the header to the end of the message, padding of a compound included. */
  readonly length: number;
  readonly encrypted: boolean;
  /** True if the response was signed and the signature is valid. */
  readonly signed: boolean;
}

/** A FileId as the server sent it: 16 bytes that the client only echoes. */
export type FileId = Uint8Array;

/** In a related compound: the file that the previous request opened, MS-SMB2 3.2.4.1.4. */
export const relatedFileId: FileId = new Uint8Array(16).fill(0xff);

interface ForFile<Value> {
  readonly fixed: { readonly offset: { readonly persistentFileId: number } };
  encode(value: Value): Encoded;
}

/** Encodes a request about an open file: the ids of the declaration are replaced by the 16 bytes. */
export function encodeForFile<Value extends { persistentFileId: number; volatileFileId: number }>(
  message: ForFile<Value>,
  fileId: FileId,
  value: Omit<Value, 'persistentFileId' | 'volatileFileId'>,
): Encoded {
  const encoded = message.encode({ ...value, persistentFileId: 0, volatileFileId: 0 } as Value);
  encoded.head.set(fileId, headerLength + message.fixed.offset.persistentFileId);
  return encoded;
}

/** The 16 bytes of a FileId in a response. */
export const fileIdOf = (reply: Reply, message: { readonly fixed: { readonly offset: { readonly persistentFileId: number } } }): FileId =>
  reply.frame.slice(reply.at + headerLength + message.fixed.offset.persistentFileId, 16).slice();

/** Returns the response if its status is success or one of `allowed`. @throws StatusError */
export function expectStatus(reply: Reply, what: string, ...allowed: number[]): Reply {
  if (reply.status !== NtStatus.Success && !allowed.includes(reply.status)) throw new StatusError(reply.status, what);
  return reply;
}

/** A request that was sent or waits for credits. */
export class Exchange {
  readonly request: Request;
  /** The final response, with any status. @throws SmbClientError if the connection is closed first */
  readonly reply: Promise<Reply>;
  /** Resolves at the interim response (STATUS_PENDING), or at the final response. */
  readonly pending: Promise<void>;
  /** -1 until it is sent. */
  messageId = -1;
  /** Credits used. */
  charge = 0;
  /** The AsyncId, eight bytes, if the server responds asynchronously. */
  asyncId: Uint8Array | undefined;
  answer!: (reply: Reply) => void;
  fail!: (error: Error) => void;
  interim!: () => void;

  constructor(request: Request) {
    this.request = request;
    this.reply = new Promise((resolve, reject) => {
      this.answer = resolve;
      this.fail = reject;
    });
    this.reply.catch(() => {}); // a failed connection also rejects promises that no caller awaits
    this.pending = new Promise((resolve) => {
      this.interim = resolve;
    });
  }

  /** For error messages. */
  get name(): string {
    return nameOf(Command, this.request.command);
  }
}

/** Returns whether it is the interim response of an asynchronous request, MS-SMB2 3.2.5.1.5. */
export const isInterim = (header: Header): boolean => (header.flags & HeaderFlags.AsyncCommand) !== 0 && header.status === NtStatus.Pending;

/** Bytes in all. */
export const lengthOf = (chunks: readonly Uint8Array[]): number => chunks.reduce((sum, chunk) => sum + chunk.length, 0);

/** Returns the pieces with at least `length` bytes in the first one. */
export function withHead(chunks: readonly Uint8Array[], length: number): readonly Uint8Array[] {
  let take = 0;
  for (let there = 0; there < length && take < chunks.length; ) there += (chunks[take++] as Uint8Array).length;
  return take <= 1 ? chunks : [Buffer.concat(chunks.slice(0, take)), ...chunks.slice(take)];
}

/** Builds a frame from pieces: contiguous, except for the data of a single large READ response, which are not copied. */
export function toFrame(chunks: readonly Uint8Array[], length: number): Frame {
  if (chunks.length === 1) return new Frame(chunks[0] as Uint8Array);
  if (length > 65536) {
    const [head, ...rest] = withHead(chunks, headerLength + 16) as [Uint8Array, ...Uint8Array[]];
    const frame = new Frame(head, rest);
    const command = frame.view.getUint16(Header.offset.command, true);
    if (command === Command.Read && frame.view.getUint32(Header.offset.nextCommand, true) === 0) return frame;
  }
  return new Frame(Buffer.concat(chunks, length));
}

/** The bytes of the message as received: the input of signatures and hashes. */
export const messageOf = ({ frame, at, length }: Reply): Uint8Array[] => frame.chunks(at, length);
