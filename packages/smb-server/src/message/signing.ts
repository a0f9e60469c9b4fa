import { Command, Dialect, Header, HeaderFlags, NtStatus, type Signer } from '@ring3/smb-proto';
import type { Request } from '../request/request.ts';
import { headroom, type Reply } from './reply.ts';

/** The result of the check of a request: run it, respond with this status, or close the connection. */
export type Verdict = 'good' | 'close' | NtStatus;

/**
 * Checks the signature of a request, MS-SMB2 3.3.5.2.4, and that it was protected if that is required. Of the request, only its header and
 * its session were used so far.
 */
export function verifyProtection(request: Request): Verdict {
  const { session, signer, header, connection } = request;
  const { command } = header;
  if (request.encrypted) return 'good';
  if (request.signed) {
    if (command === Command.Negotiate) return NtStatus.InvalidParameter;
    if (signer !== undefined) {
      const message = request.frame.chunks(request.at, request.length);
      return signer.verify(message, 'client') ? 'good' : NtStatus.AccessDenied;
    }
    if (session !== undefined && command !== Command.SessionSetup && !session.isGuest && !session.isAnonymous) return NtStatus.AccessDenied;
  }
  if (session === undefined || session.state === 'inProgress' || request.channel?.isBinding === true) return 'good';
  if (command === Command.TreeConnect && connection.negotiated.dialect === Dialect.Smb311 && signer !== undefined) return 'close';
  if (session.signingRequired) return NtStatus.AccessDenied;
  return 'good';
}

/**
 * The signing key of a session that has no channel on the connection of a signed request, if that key signed it: the client knows the key, and
 * takes the rejection only if it is signed, too.
 */
export function signerElsewhere(request: Request): Signer | undefined {
  const { connection, frame, at, length } = request;
  if (!request.signed || request.encrypted) return undefined;
  const signer = connection.server.sessions.get(request.sessionId)?.signer;
  return signer?.verify(frame.chunks(at, length), 'client') === true ? signer : undefined;
}

/** Whether a response is signed, MS-SMB2 3.3.4.1.1. */
export function mustSign(reply: Reply, encrypt: boolean): boolean {
  const { request, status } = reply;
  const { session, signer } = request;
  if (encrypt || signer === undefined || signer.isDisposed || status === NtStatus.Pending) return false;
  if (session === undefined) return true; // of another connection, whose key signed the request
  if (session.state === 'inProgress') return false;
  if (status === NtStatus.UserSessionDeleted && request.channel !== undefined) return false;
  if (request.signed || request.signResponse) return true;
  return session.signingRequired && request.header.command !== Command.SessionSetup;
}

/** The key that signs a response: a SESSION_SETUP that has not succeeded is signed by that of the session, MS-SMB2 3.3.4.1.1. */
function signerOf({ request, status }: Reply): Signer | undefined {
  const { session, signer, header } = request;
  return session !== undefined && header.command === Command.SessionSetup && status !== NtStatus.Success ? session.signer : signer;
}

/** Signs a finished element: its bytes must not change after that. */
export function signReply(reply: Reply): void {
  const { view, bytes, rest } = reply;
  const at = headroom + Header.offset.flags;
  view.setUint32(at, view.getUint32(at, true) | HeaderFlags.Signed, true);
  signerOf(reply)?.sign([bytes.subarray(headroom), ...rest], 'server');
}
