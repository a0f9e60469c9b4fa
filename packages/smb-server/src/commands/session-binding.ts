import { Dialect, NtStatus, SigningAlgorithm } from '@ring3/smb-proto';
import { Channel } from '../objects/channel.ts';
import type { Session } from '../objects/session.ts';
import type { ContextOf } from '../request/command.ts';
import type { Negotiated } from '../values/negotiated.ts';

/**
 * SESSION_SETUP with SMB2_SESSION_FLAG_BINDING, MS-SMB2 3.3.5.5: the channel whose logon the request begins or continues, or why it is
 * rejected. Every request of the logon is checked, in the order of the specification. The cipher must be the same because the session keeps
 * its encryption keys; MS-SMB2 does not say so, Windows does.
 */
export function channelToBind(ctx: ContextOf<'none'>): Channel | NtStatus {
  const { connection, server, channel: existing } = ctx;
  const { negotiated } = connection;
  const capable = negotiated.dialect >= Dialect.Smb30 && connection.options.multichannel;
  const session = server.sessions.get(ctx.header.sessionId);
  if (session === undefined) return capable ? NtStatus.UserSessionDeleted : NtStatus.RequestNotAccepted;
  const agreed = session.connection.negotiated;
  const isSigned = verifiedBy(ctx, session);
  const mixed = mixesGmac(negotiated, agreed);
  if (ctx.signed && mixed !== NtStatus.Success) return mixed;
  if (!capable) return NtStatus.RequestNotAccepted;
  if (negotiated.dialect !== agreed.dialect || !ctx.signed) return NtStatus.InvalidParameter;
  if (session.state === 'inProgress') return NtStatus.RequestNotAccepted;
  if (session.state === 'expired') return NtStatus.NetworkSessionExpired;
  if (session.isGuest || session.isAnonymous) return NtStatus.NotSupported;
  if (existing !== undefined && !existing.isBinding) return NtStatus.RequestNotAccepted;
  if (negotiated.cipher !== agreed.cipher) return NtStatus.InvalidParameter;
  if (!isSigned) return NtStatus.AccessDenied;
  if (negotiated.clientKey !== agreed.clientKey) return NtStatus.UserSessionDeleted;
  if (existing !== undefined) return existing;
  return mayBegin(ctx, session) ? new Channel(session, connection) : NtStatus.InsufficientResources;
}

/**
 * Verifies the signature by Session.SigningKey, MS-SMB2 3.3.5.2.4. If it is right, this key signs the response until the channel has its
 * own (3.2.5.1.3); else the response is not signed, so that the server does not sign for a client that does not know the key.
 */
function verifiedBy(ctx: ContextOf<'none'>, session: Session): boolean {
  if (!ctx.signed || session.signer?.verify(ctx.frame.chunks(ctx.at, ctx.length), 'client') !== true) return false;
  ctx.session = session;
  ctx.signer = session.signer;
  return true;
}

/**
 * AES-GMAC is not mixed with the other signing algorithms: no key may be used with both. MS-SMB2 has no section for it; the statuses, and
 * that they come first, are those of Windows Server 2022.
 */
function mixesGmac(negotiated: Negotiated, agreed: Negotiated): NtStatus {
  if (negotiated.signingAlgorithm === agreed.signingAlgorithm) return NtStatus.Success;
  if (agreed.signingAlgorithm === SigningAlgorithm.AesGmac) return NtStatus.RequestOutOfSequence;
  return negotiated.signingAlgorithm === SigningAlgorithm.AesGmac ? NtStatus.NotSupported : NtStatus.Success;
}

/** Whether the session and the connection may have one more channel. */
function mayBegin({ connection, server }: ContextOf<'none'>, session: Session): boolean {
  const { limits, quotas } = server;
  const inProgress = connection.authenticated ? 'sessionsForConnection' : 'sessionsBeforeLogon';
  const reached =
    session.channels.size >= limits.channelsForSession
      ? 'channelsForSession'
      : connection.channels.size >= limits[inProgress]
        ? inProgress
        : quotas.channels.may(session.owner)
          ? undefined
          : 'channels';
  if (reached !== undefined) server.refuse(reached, session.actor);
  return reached === undefined;
}
