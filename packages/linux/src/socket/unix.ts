import { Errno } from '../errno.ts';
import { address, native, result } from '../library.ts';
import { bind, connect, Domain, MessageFlag, SocketLevel, SocketOption, SocketType, socket, socketOptionBytes } from './socket.ts';

/** The address of an AF_UNIX socket: a path, or its bytes (an abstract name begins with a zero byte). At most 107 bytes of path, 108 of abstract name. */
export type UnixAddress = string | Uint8Array;

/** The credentials of the peer: `struct ucred`, unix(7). */
export interface Credentials {
  processId: number;
  userId: number;
  groupId: number;
}

const libc = {
  socketpair: native<[number, number, number, Int32Array]>('int socketpair(int, int, int, void *)'),
  sendmsg: native<[number, Uint8Array, number]>('int64 sendmsg(int, const void *, int)'),
  recvmsg: native<[number, Uint8Array, number]>('int64 recvmsg(int, void *, int)'),
};

/** A new AF_UNIX socket, non-blocking, close-on-exec. unix(7). @returns the descriptor or a negative errno */
export const openUnix = (type: number): number => socket(Domain.Unix, type);

/** Two connected sockets, non-blocking, close-on-exec. socketpair(2). @returns both, or a negative errno */
export function socketPair(type: number): [number, number] | number {
  const pair = new Int32Array(2);
  const answer = libc.socketpair.run(Domain.Unix, type | SocketType.NonBlock | SocketType.CloseOnExec, 0, pair);
  return answer < 0 ? result(answer) : [pair[0]!, pair[1]!];
}

/** `struct sockaddr_un`: family, then the path with its zero byte, or the abstract name without one. */
function unixAddress(at: UnixAddress): Uint8Array | number {
  const path = typeof at === 'string' ? Buffer.from(at) : at;
  const abstract = path[0] === 0;
  if (path.length === 0 || (!abstract && path.includes(0))) return -Errno.EINVAL;
  if (path.length + (abstract ? 0 : 1) > 108) return -Errno.ENAMETOOLONG;
  const bytes = new Uint8Array(2 + path.length + (abstract ? 0 : 1));
  new DataView(bytes.buffer).setUint16(0, Domain.Unix, true);
  bytes.set(path, 2);
  return bytes;
}

/** Binds a socket to a path. @returns 0 or a negative errno (`-EADDRINUSE`: the path exists; `-ENAMETOOLONG`) */
export function bindUnix(fd: number, at: UnixAddress): number {
  const bytes = unixAddress(at);
  return typeof bytes === 'number' ? bytes : bind(fd, bytes);
}

/** Connects to a listening socket. @returns 0 or a negative errno (`-ECONNREFUSED`: no process listens; `-EAGAIN`: its backlog is full) */
export function connectUnix(fd: number, to: UnixAddress): number {
  const bytes = unixAddress(to);
  return typeof bytes === 'number' ? bytes : connect(fd, bytes);
}

const credentialBytes = new Uint8Array(12);
const credentialView = new DataView(credentialBytes.buffer);

/** The credentials of the process that connected or created the pair. SO_PEERCRED. @returns them, or a negative errno */
export function peerCredentials(fd: number): Credentials | number {
  const answer = socketOptionBytes(fd, SocketLevel.Socket, SocketOption.PeerCredentials, credentialBytes);
  return answer < 0 ? answer : readCredentials(credentialView, 0);
}

const readCredentials = (view: DataView, at: number): Credentials => ({
  processId: view.getInt32(at, true),
  userId: view.getUint32(at + 4, true),
  groupId: view.getUint32(at + 8, true),
});

// struct msghdr (LP64): name, namelen, iov at 16, iovlen at 24, control at 32, controllen at 40, flags at 48. struct cmsghdr: len u64, level, type.
const headerBytes = 56;
const controlBytes = 1056; // 253 descriptors (SCM_MAX_FD) and credentials
const ScmRights = 1;
const ScmCredentials = 2;
const aligned = (length: number): number => (length + 7) & ~7;

/** The structures of a message; one set each for sending and receiving, because calls on one thread do not overlap. */
class MessageHeader {
  readonly bytes = Buffer.alloc(headerBytes);
  readonly view = new DataView(this.bytes.buffer, this.bytes.byteOffset, headerBytes);
  readonly control = Buffer.alloc(controlBytes);
  readonly controlView = new DataView(this.control.buffer, this.control.byteOffset, controlBytes);
  readonly #controlAddress = address(this.control);
  #vector = new BigUint64Array(2);

  /** Points the vector at the data. */
  prepare(data: readonly Uint8Array[], controlLength: number): void {
    if (this.#vector.length < data.length * 2) this.#vector = new BigUint64Array(data.length * 2);
    for (let i = 0; i < data.length; i++) {
      this.#vector[i * 2] = address(data[i]!);
      this.#vector[i * 2 + 1] = BigInt(data[i]!.length);
    }
    this.view.setBigUint64(16, address(this.#vector), true);
    this.view.setBigUint64(24, BigInt(data.length), true);
    this.view.setBigUint64(32, controlLength === 0 ? 0n : this.#controlAddress, true);
    this.view.setBigUint64(40, BigInt(controlLength), true);
  }
}

let sending: MessageHeader | undefined;
let receiving: MessageHeader | undefined;

/**
 * Sends one message, optionally with descriptors. sendmsg(2), SCM_RIGHTS.
 * @param data one chunk or several, sent as one message
 * @param descriptors at most 253; the caller may close them afterwards
 * @returns the bytes sent or a negative errno (`-EAGAIN`: the peer's queue is full)
 */
export function sendMessage(fd: number, data: Uint8Array | readonly Uint8Array[], descriptors: readonly number[] = []): number {
  if (descriptors.length > 253) return -Errno.EINVAL;
  sending ??= new MessageHeader();
  const length = descriptors.length === 0 ? 0 : 16 + descriptors.length * 4;
  sending.prepare(data instanceof Uint8Array ? [data] : data, aligned(length));
  if (length > 0) {
    const view = sending.controlView;
    view.setBigUint64(0, BigInt(length), true);
    view.setInt32(8, SocketLevel.Socket, true);
    view.setInt32(12, ScmRights, true);
    descriptors.forEach((descriptor, i) => {
      view.setInt32(16 + i * 4, descriptor, true);
    });
  }
  return result(libc.sendmsg.run(fd, sending.bytes, MessageFlag.NoSignal | MessageFlag.DontWait));
}

/** The ancillary data of a message. Reused between calls; allocates only if there is ancillary data. */
export class MessageDetails {
  /** Descriptors that now belong to the receiver, closed on exec: use each, or close it. */
  descriptors: number[] = [];
  /** The sender's credentials, if the socket requests them (`SocketOption.PassCredentials`). */
  credentials: Credentials | undefined;
  /** `MessageFlag.Truncated`: the data was longer than the buffer; `MessageFlag.ControlTruncated`: descriptors were lost. */
  flags = 0;
}

/**
 * Receives one message. recvmsg(2).
 * @param details is overwritten with descriptors, credentials and flags
 * @returns the message's full length, more than the buffer's if it was truncated; 0 if the peer closed the socket; or a negative errno (`-EAGAIN`)
 */
export function receiveMessage(fd: number, into: Uint8Array, details: MessageDetails, flags = 0): number {
  receiving ??= new MessageHeader();
  receiving.prepare([into], controlBytes);
  const wanted = flags | MessageFlag.DontWait | MessageFlag.Truncated | MessageFlag.CloseOnExec;
  const answer = libc.recvmsg.run(fd, receiving.bytes, wanted);
  if (answer < 0) return result(answer);
  if (details.descriptors.length > 0) details.descriptors = [];
  details.credentials = undefined;
  details.flags = receiving.view.getInt32(48, true) & ~MessageFlag.CloseOnExec;
  const length = receiving.view.getUint32(40, true);
  if (length > 0) readControl(receiving.controlView, length, details);
  return answer;
}

function readControl(view: DataView, length: number, details: MessageDetails): void {
  for (let at = 0; at + 16 <= length; ) {
    const size = view.getUint32(at, true);
    if (size < 16 || at + size > length) return;
    const type = view.getInt32(at + 12, true);
    if (type === ScmRights) for (let i = at + 16; i + 4 <= at + size; i += 4) details.descriptors.push(view.getInt32(i, true));
    else if (type === ScmCredentials && size >= 28) details.credentials = readCredentials(view, at + 16);
    at += aligned(size);
  }
}
