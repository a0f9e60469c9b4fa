import { Command, CompressionTransformHeader, TransformHeader, transformHeaderLength } from '@ring3/smb-proto';
import { Frame } from '@ring3/wire';
import type { ChannelConnection } from '../objects/channel.ts';
import type { Session } from '../objects/session.ts';
import type { BufferPool } from '../values/buffer-pool.ts';
import { contiguousHead, framed, toFrame, writeFraming } from './frame.ts';
import type { Outgoing } from './reply.ts';
import { headroom, type Reply } from './reply.ts';

/** A decrypted frame and the session of its key, or why the connection must be closed. */
export type Opened = { readonly frame: Frame; readonly session: Session } | string;

/** Decrypts a frame that starts with the transform header, in place if the cipher can, MS-SMB2 3.3.5.2.1.1. */
export function decrypt(connection: ChannelConnection, chunks: readonly Uint8Array[], length: number): Opened {
  if (!connection.isNegotiated || connection.negotiated.cipher === undefined) return 'an encrypted frame where no cipher was agreed on';
  if (length < TransformHeader.byteLength + CompressionTransformHeader.byteLength) return 'an encrypted frame that is too short';
  const whole = contiguousHead(chunks, TransformHeader.byteLength);
  const header = TransformHeader.read(new Frame(whole[0] as Uint8Array), 0);
  if (header.flags !== 1) return `transform flags ${header.flags}`;
  const channel = connection.channels.get(header.sessionId);
  const session = channel?.session;
  if (session?.decryptor === undefined || channel?.state !== 'valid') return 'an encrypted frame of an unknown session';
  const plain = session.decryptor.decrypt(whole);
  if (plain === undefined) return 'an encrypted frame that is not authentic';
  const frame = toFrame(plain.length > 1 ? plain.filter((chunk) => chunk.length > 0) : plain, length - TransformHeader.byteLength);
  return { frame, session };
}

const idBytes = new WeakMap<Session, Uint8Array>();

/** The session id in the form of the transform header. */
function sessionIdBytes(session: Session): Uint8Array {
  let bytes = idBytes.get(session);
  if (bytes === undefined) {
    bytes = new Uint8Array(8);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, session.sessionId >>> 0, true);
    view.setUint32(4, Math.floor(session.sessionId / 4294967296), true);
    idBytes.set(session, bytes);
  }
  return bytes;
}

/**
 * The session whose key encrypts a reply, if any: the request was encrypted, or the session requires it (except for NEGOTIATE and
 * SESSION_SETUP), or the share does (except for TREE_CONNECT). MS-SMB2 3.3.4.1.4.
 */
export function encryptedFor(reply: Reply, encryptedBy: Session | undefined): Session | undefined {
  if (encryptedBy !== undefined) return encryptedBy;
  const { session, tree, header } = reply.request;
  if (session?.encryptor === undefined || session.state !== 'valid') return undefined;
  if (header.command === Command.Negotiate || header.command === Command.SessionSetup) return undefined;
  if (session.encryptData) return session;
  return tree?.share.options?.encryption === 'required' && header.command !== Command.TreeConnect ? session : undefined;
}

/** Up to this size, memory comes from Node's pool of small buffers; above it, from ours. Bytes. */
const smallSealed = 4096;

/**
 * Encrypts a whole message, with framing in front, into memory of the server: one piece if the cipher fills the given memory. The parts of
 * the message may belong to a store; they are no longer used when this returns.
 */
export function encrypt(session: Session, message: readonly Uint8Array[], pool: BufferPool): Outgoing {
  const encryptor = session.encryptor as NonNullable<Session['encryptor']>;
  if (!encryptor.fills) return { chunks: framed(encryptor.encrypt(message, sessionIdBytes(session))) };
  let length = transformHeaderLength;
  for (const chunk of message) length += chunk.length;
  const whole = headroom + length;
  const taken = whole > smallSealed ? pool.take(whole) : undefined;
  const bytes = taken?.subarray(0, whole) ?? Buffer.allocUnsafe(whole);
  writeFraming(bytes, length);
  encryptor.encryptInto(bytes.subarray(headroom), message, sessionIdBytes(session));
  return { chunks: [bytes], sent: taken && (() => pool.give(taken)) };
}
