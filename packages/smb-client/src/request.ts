import { Command, Header, HeaderFlags, headerLength, NtStatus, StatusError } from '@ring3/smb-proto';
import { type Encoded, Frame, nameOf } from '@ring3/wire';
import type { Session } from './session.ts';

/** One request of a frame. */
export interface Request {
  readonly command: Command;
  /** As `message.encode` gives it: 64 bytes for the header, then the body. */
  readonly body: Encoded;
  /** None for NEGOTIATE and the first SESSION_SETUP. */
  readonly session?: Session;
  readonly treeId?: number;
  /** Bytes of payload that are sent or asked for, whichever is more: 64 KiB cost one credit, MS-SMB2 3.1.5.2. */
  readonly payload?: number;
  /** Header flags beside those that the client sets itself. */
  readonly flags?: number;
  /** Encrypted also where neither session nor share ask for it; false: in the clear even where they do. */
  readonly encrypt?: boolean;
}

/** One answer. The message begins at `at` of the frame's head; offsets of its parts count from there. */
export interface Reply {
  readonly header: Header;
  readonly status: number;
  readonly frame: Frame;
  readonly at: number;
  /** Bytes from the header to the end of the message, padding of a compound included. */
  readonly length: number;
  readonly encrypted: boolean;
  /** Whether it was signed and the signature is right. */
  readonly signed: boolean;
}

/** A FileId as the server wrote it: 16 bytes that are only ever echoed. */
export type FileId = Uint8Array;

/** In a related compound: the file that the request before opened, MS-SMB2 3.2.4.1.4. */
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

/** The 16 bytes of a FileId in an answer. */
export const fileIdOf = (reply: Reply, message: { readonly fixed: { readonly offset: { readonly persistentFileId: number } } }): FileId =>
  reply.frame.slice(reply.at + headerLength + message.fixed.offset.persistentFileId, 16).slice();

/** The answer itself, where its status is success or one of `allowed`. @throws StatusError */
export function expectStatus(reply: Reply, what: string, ...allowed: number[]): Reply {
  if (reply.status !== NtStatus.Success && !allowed.includes(reply.status)) throw new StatusError(reply.status, what);
  return reply;
}

/** A request that was sent, or waits for credits. */
export class Exchange {
  readonly request: Request;
  /** The final answer, whatever its status. @throws SmbClientError when the connection ends before it */
  readonly reply: Promise<Reply>;
  /** Resolves when the server says that the answer will come later (STATUS_PENDING), or with the answer. */
  readonly pending: Promise<void>;
  /** -1 until it is sent. */
  messageId = -1;
  /** Credits that it used. */
  charge = 0;
  /** Eight bytes, when the server answers asynchronously. */
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
    this.reply.catch(() => {}); // a failed connection fails what nobody waits for, too
    this.pending = new Promise((resolve) => {
      this.interim = resolve;
    });
  }

  /** For messages about it. */
  get name(): string {
    return nameOf(Command, this.request.command);
  }
}

/** Whether it is the interim answer of an asynchronous request, MS-SMB2 3.2.5.1.5. */
export const isInterim = (header: Header): boolean => (header.flags & HeaderFlags.AsyncCommand) !== 0 && header.status === NtStatus.Pending;

/** Bytes in all. */
export const lengthOf = (chunks: readonly Uint8Array[]): number => chunks.reduce((sum, chunk) => sum + chunk.length, 0);

/** The pieces again, with at least `length` bytes in the first one. */
export function withHead(chunks: readonly Uint8Array[], length: number): readonly Uint8Array[] {
  let take = 0;
  for (let there = 0; there < length && take < chunks.length; ) there += (chunks[take++] as Uint8Array).length;
  return take <= 1 ? chunks : [Buffer.concat(chunks.slice(0, take)), ...chunks.slice(take)];
}

/** A frame out of pieces: contiguous, but for the data of a single big READ answer, which stay as they came. */
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

/** The bytes of the message, as they came: what signatures and hashes are over. */
export const messageOf = ({ frame, at, length }: Reply): Uint8Array[] => frame.chunks(at, length);
