import { andThen, type MaybePromise, settle } from '@ring3/kit';
import {
  type AuthComplete,
  type AuthFailed,
  type AuthStep,
  Cipher,
  cipherBits,
  Dialect,
  type Logon,
  NtStatus,
  preauthHash,
  SecurityMode,
  SessionFlags,
  SessionSetupFlags,
  SessionSetupRequest,
  SessionSetupResponse,
  Signer,
  SigningAlgorithm,
  sessionKeys,
} from '@ring3/smb-proto';
import type { Identity } from '@ring3/vfs';
import { nameOf } from '@ring3/wire';
import { signerElsewhere } from '../message/signing.ts';
import { Channel } from '../objects/channel.ts';
import { endChannel, endSession } from '../objects/close.ts';
import { Session } from '../objects/session.ts';
import { type ContextOf, command } from '../request/command.ts';
import type { RequestConnection } from '../request/request.ts';
import { noGuid } from '../values/guid-key.ts';
import { ownerOf } from '../values/owner.ts';
import { channelToBind } from './session-binding.ts';

type Answer = { sessionFlags: number; securityBuffer: Uint8Array } | NtStatus;
const noToken = new Uint8Array(0);

/** SESSION_SETUP, MS-SMB2 3.3.5.5. Nothing of a session changes before the proof is verified. */
export const sessionSetup = command({
  needs: 'none',
  request: SessionSetupRequest,
  response: SessionSetupResponse,
  handle: (ctx, request) => andThen(setUp(ctx, request), (answer) => logged(ctx, answer)),
});

/** The result of a step, for debugging: never the content of the tokens. */
function logged(ctx: ContextOf<'none'>, answer: Answer): Answer {
  const { debug } = ctx.server;
  if (!debug.on.auth) return answer;
  const { connection, session } = ctx;
  const fields = { connection: connection.id, peer: connection.link.peer, session: session?.sessionId ?? 0 };
  if (typeof answer === 'number') debug.say('auth', 'session setup failed', { ...fields, status: nameOf(NtStatus, answer) });
  else if (ctx.status !== NtStatus.Success) debug.say('auth', 'session setup continues', fields);
  return answer;
}

/** The user that logged on, and the protection of the session. */
function logLogon({ session, connection, signer }: Channel, { mechanism, user, domain, workstation }: Logon, again: boolean): void {
  const { isGuest, isAnonymous, signingRequired, encryptData } = session;
  session.server.debug.say('auth', 'logged on', {
    connection: connection.id,
    peer: connection.link.peer,
    session: session.sessionId,
    user,
    domain,
    workstation,
    mechanism,
    again,
    guest: isGuest,
    anonymous: isAnonymous,
    signing: signer === undefined ? 'impossible' : signingRequired ? 'required' : 'possible',
    algorithm: signer === undefined ? undefined : nameOf(SigningAlgorithm, connection.negotiated.signingAlgorithm),
    encryption: encryptData ? 'required' : connection.negotiated.cipher === undefined || signer === undefined ? 'impossible' : 'possible',
    cipher: connection.negotiated.cipher && nameOf(Cipher, connection.negotiated.cipher),
  });
}

function setUp(ctx: ContextOf<'none'>, request: SessionSetupRequest): MaybePromise<Answer> {
  const { connection } = ctx;
  // Parallel attempts do not guess faster.
  if (connection.logonPenalty !== undefined) {
    ctx.waited = true;
    return connection.logonPenalty.then(() => setUp(ctx, request));
  }
  if (connection.ended) return NtStatus.ConnectionDisconnected; // while it waited
  if (ctx.channel?.state === 'ended') return NtStatus.UserSessionDeleted;
  if (connection.options.encryption === 'required' && connection.negotiated.cipher === undefined) return NtStatus.AccessDenied;
  const binds = (request.flags & SessionSetupFlags.Binding) !== 0 && ctx.header.sessionId !== 0;
  const channel = binds ? channelToBind(ctx) : channelFor(ctx);
  if (typeof channel === 'number') return channel;
  if (channel.authenticating) return NtStatus.RequestNotAccepted;
  ctx.session = channel.session;
  ctx.channel = channel;
  if (connection.negotiated.dialect === Dialect.Smb311 && channel.state === 'inProgress') {
    channel.preauthHash = preauthHash(channel.preauthHash ?? connection.preauthHash, ctx.frame.chunks(ctx.at, ctx.length));
  }
  channel.acceptor ??= connection.server.createAcceptor(connection);
  channel.authenticating = true;
  const release = (): void => {
    channel.authenticating = false;
  };
  const { previousSessionId, securityMode } = request;
  const { acceptor } = channel;
  const authenticate = (): MaybePromise<Answer> =>
    andThen(acceptor.accept(request.securityBuffer), (done: AuthStep) => onStep(ctx, channel, done, previousSessionId, securityMode));
  return settle(
    authenticate,
    (answer) => {
      release();
      return answer;
    },
    (error) => {
      release();
      throw error;
    },
  );
}

/** The channel that the request continues, or that of a new session. */
function channelFor(ctx: ContextOf<'none'>): Channel | NtStatus {
  const { connection } = ctx;
  const { server } = connection;
  if (ctx.channel !== undefined) return ctx.channel.isBinding ? NtStatus.UserSessionDeleted : ctx.channel;
  if (ctx.header.sessionId !== 0) {
    ctx.signer = signerElsewhere(ctx);
    return NtStatus.UserSessionDeleted;
  }
  const most = connection.authenticated ? server.limits.sessionsForConnection : server.limits.sessionsBeforeLogon;
  if (connection.channels.size >= most) {
    server.refuse(connection.authenticated ? 'sessionsForConnection' : 'sessionsBeforeLogon', { peer: connection.link.peer });
    return NtStatus.InsufficientResources;
  }
  if (connection.authenticated) forgetOldest(connection);
  const session = new Session(server.nextId(), server, connection);
  server.sessions.set(session.sessionId, session);
  return new Channel(session, connection);
}

/** If a user has logged on, as many logons may be started as before; then the oldest one that the client does not continue is dropped. */
function forgetOldest(connection: RequestConnection): void {
  let begun = 0;
  let oldest: Channel | undefined;
  for (const channel of connection.channels.values()) {
    if (channel.state !== 'inProgress') continue;
    begun++;
    if (!channel.authenticating) oldest ??= channel;
  }
  if (begun >= connection.server.limits.sessionsBeforeLogon && oldest !== undefined) endChannel(oldest);
}

function onStep(
  ctx: ContextOf<'none'>,
  channel: Channel,
  step: AuthStep,
  previousSessionId: number,
  securityMode: number,
): MaybePromise<Answer> {
  if (channel.state === 'ended') return NtStatus.UserSessionDeleted;
  if (step.state === 'failed') return onFailure(ctx, channel, step);
  if (step.state === 'complete') return onComplete(ctx, channel, step, previousSessionId, securityMode);
  ctx.status = NtStatus.MoreProcessingRequired;
  if (channel.preauthHash !== undefined) {
    ctx.replied = (message) => {
      if (channel.preauthHash !== undefined) channel.preauthHash = preauthHash(channel.preauthHash, message);
    };
  }
  return { sessionFlags: 0, securityBuffer: step.token };
}

/**
 * A failed logon is counted, and its response delayed. A session whose reauthentication failed ends; only its own connection can cause
 * that.
 */
function onFailure(ctx: ContextOf<'none'>, channel: Channel, { status, reason, user = '' }: AuthFailed): MaybePromise<NtStatus> {
  const { connection } = ctx;
  const { server } = connection;
  const { session } = channel;
  channel.acceptor = undefined;
  const { id, link, network } = connection;
  server.repeated.say('warn', 'logon failed', network, { connection: id, peer: link.peer, reason, user });
  server.debug.say('auth', 'logon failed', {
    connection: connection.id,
    peer: connection.link.peer,
    session: session.sessionId,
    user,
    reason,
  });
  server.logonFailed(connection, user, status);
  if (channel.state === 'inProgress') endChannel(channel);
  else void endSession(session);
  const { failedLogonDelayMs } = server.limits;
  if (failedLogonDelayMs === 0) return status as NtStatus;
  ctx.waited = true;
  const penalty = new Promise<void>((resolve) => server.clock.after(failedLogonDelayMs, resolve));
  connection.logonPenalty = penalty;
  return penalty.then(() => {
    if (connection.logonPenalty === penalty) connection.logonPenalty = undefined;
    return status as NtStatus;
  });
}

function onComplete(
  ctx: ContextOf<'none'>,
  channel: Channel,
  step: AuthComplete,
  previousSessionId: number,
  securityMode: number,
): MaybePromise<Answer> {
  const { connection } = ctx;
  const { server } = connection;
  const { session } = channel;
  const { logon } = step;
  const hasNoAccount = logon.guest || logon.anonymous;
  channel.acceptor = undefined;
  if (channel.isBinding) return onBound(ctx, channel, step);
  if (hasNoAccount && connection.options.encryption === 'required') {
    if (channel.state === 'inProgress') endChannel(channel);
    return NtStatus.AccessDenied;
  }
  const first = channel.state === 'inProgress';
  // A guest or anonymous session has no keys. Re-authenticating it as a user would leave it unsigned, so end it.
  if (!first && !hasNoAccount && session.signer === undefined) {
    return andThen(endSession(session), () => NtStatus.AccessDenied);
  }
  const identity = server.users.identityOf(logon);
  if (first && !hasNoAccount && hasOtherDialect(connection, identity)) {
    endChannel(channel);
    return NtStatus.UserSessionDeleted;
  }
  const previous = hasNoAccount ? undefined : previousOf(session, identity, previousSessionId);
  if (first) session.owner = ownerOf(logon, identity, connection.network);
  if (first && !server.mayLogOn(session, previous)) {
    endChannel(channel);
    return NtStatus.RequestNotAccepted;
  }
  session.logOn(logon, identity);
  if (first && !hasNoAccount) protect(channel, logon.sessionKey, securityMode);
  if (first) channel.establish();
  ctx.signer = channel.signer;
  server.loggedOn(channel, first);
  const { user, guest, anonymous } = logon;
  if (hasNoAccount)
    server.repeated.say('info', 'logged on', connection.network, {
      connection: connection.id,
      peer: connection.link.peer,
      guest,
      anonymous,
    });
  else connection.log.info('logged on', { user, guest, anonymous });
  if (server.debug.on.auth) logLogon(channel, logon, !first);
  ctx.signResponse = !hasNoAccount;
  let sessionFlags = 0;
  if (logon.guest) sessionFlags |= SessionFlags.IsGuest;
  if (logon.anonymous) sessionFlags |= SessionFlags.IsNull;
  if (session.encryptData) sessionFlags |= SessionFlags.EncryptData;
  const answer = { sessionFlags, securityBuffer: step.token ?? noToken };
  return andThen(previous === undefined ? undefined : endSession(previous), () => answer);
}

/**
 * The logon on a further connection of a session is complete, MS-SMB2 3.3.5.5.3: the channel has a signing key of its own; the session
 * keeps its other keys. 3.3.5.5 has STATUS_NOT_SUPPORTED for another user; Windows and its clients have ACCESS_DENIED
 * (docs/decisions/0112-multichannel.md).
 */
function onBound(ctx: ContextOf<'none'>, channel: Channel, { logon, token }: AuthComplete): Answer {
  const { connection, session } = channel;
  const { server } = session;
  const { user, guest, anonymous } = logon;
  if (guest || anonymous || server.users.identityOf(logon).sid !== session.identity.sid) {
    server.logonFailed(connection, user, NtStatus.AccessDenied);
    endChannel(channel);
    return NtStatus.AccessDenied;
  }
  if (!server.mayBind(channel)) {
    endChannel(channel);
    return NtStatus.RequestNotAccepted;
  }
  const { dialect, signingAlgorithm } = connection.negotiated;
  const keys = sessionKeys(dialect, logon.sessionKey, channel.preauthHash);
  channel.signer = new Signer(signingAlgorithm, keys.signing, connection.options.aesGcm);
  channel.establish();
  ctx.signer = channel.signer;
  ctx.signResponse = true;
  server.bound(channel);
  if (server.debug.on.auth) logLogon(channel, logon, true);
  return { sessionFlags: session.encryptData ? SessionFlags.EncryptData : 0, securityBuffer: token ?? noToken };
}

/** Keys, signing and encryption of a first logon, MS-SMB2 3.3.5.5.3. */
function protect(channel: Channel, sessionKey: Uint8Array, securityMode: number): void {
  const { session, connection, preauthHash } = channel;
  const { negotiated, options } = connection;
  const { cipher, dialect, clientSecurityMode } = negotiated;
  const bits = cipher === undefined ? 128 : cipherBits(cipher);
  session.setKeys(sessionKeys(dialect, sessionKey, preauthHash, bits));
  channel.signer = session.signer;
  const asked = (securityMode | clientSecurityMode) & SecurityMode.SigningRequired;
  session.signingRequired = options.signing === 'required' || asked !== 0;
  session.encryptData = options.encryption !== 'off' && cipher !== undefined;
}

/**
 * Whether the client, by its ClientGuid, is connected with another dialect, MS-SMB2 3.3.5.5.3. Connections of other users are passed over, so that no user ends
 * the logon of another, and so is the zero GUID of clients that only know 2.0.2 (2.2.3).
 */
function hasOtherDialect({ server, negotiated }: RequestConnection, { sid }: Identity): boolean {
  const { clientKey, dialect } = negotiated;
  if (clientKey === noGuid) return false;
  for (const other of server.connections.values()) {
    if (other.ended || !other.isNegotiated || other.negotiated.dialect === dialect || other.negotiated.clientKey !== clientKey) continue;
    for (const { session } of other.channels.values()) if (session.state === 'valid' && session.identity.sid === sid) return true;
  }
  return false;
}

/** PreviousSessionId: ends the session of a reconnecting client, if it belongs to the same user. MS-SMB2 3.3.5.5.3. */
function previousOf(session: Session, { sid }: Identity, previousSessionId: number): Session | undefined {
  if (previousSessionId === 0 || previousSessionId === session.sessionId) return undefined;
  const previous = session.server.sessions.get(previousSessionId);
  return previous === undefined || previous.state === 'inProgress' || previous.identity.sid !== sid ? undefined : previous;
}
