import type { MaybePromise } from '@ring3/kit';
import { Command, headerLength, NtStatus, StatusError } from '@ring3/smb-proto';
import { VfsError } from '@ring3/vfs';
import { DecodeError } from '@ring3/wire';
import { rowOf } from '../commands/index.ts';
import { signerElsewhere, verifyProtection } from '../message/signing.ts';
import type { TreeConnect } from '../objects/tree-connect.ts';
import type { AnyCommand } from '../request/command.ts';
import { findOpen, readFileIds } from '../request/find-open.ts';
import type { Request } from '../request/request.ts';
import { disconnect, type Nothing } from '../values/no-response.ts';
import { statusOf } from '../values/status-map.ts';

/** The result of a request: a body, a status, or no response. */
export type Outcome = object | NtStatus | Nothing;

/** The steps of one request, from its session to its handler, in the order of MS-SMB2 3.3.5.2. The message id was taken already. */
export function dispatch(request: Request): MaybePromise<Outcome> {
  try {
    const outcome = checkAndHandle(request);
    return outcome instanceof Promise ? outcome.catch((error: unknown) => failure(request, error)) : outcome;
  } catch (error) {
    return failure(request, error);
  }
}

function checkAndHandle(request: Request): MaybePromise<Outcome> {
  const spec = rowOf(request);
  const needs = spec?.needs ?? 'session';
  if (!isExpected(request)) return disconnect;
  findChannel(request);
  if (isOfOtherSession(request)) return disconnect;
  if (spec === undefined && !request.connection.authenticated) return disconnect;
  if (needs !== 'none' && request.channel?.state !== 'valid') return noChannel(request);
  const verdict = verifyProtection(request);
  if (verdict !== 'good') return verdict === 'close' ? disconnect : verdict;
  let status = needs === 'none' ? NtStatus.Success : checkSession(request);
  if (status !== NtStatus.Success) return status;
  if (spec === undefined) return NtStatus.InvalidParameter;
  if (needs === 'tree' || needs === 'open') {
    status = findTree(request);
    if (status === NtStatus.Success && needs === 'open') status = findOpenOfBody(request, spec);
    if (status !== NtStatus.Success) return status;
  }
  return handle(request, spec);
}

/** NEGOTIATE comes first, and once. MS-SMB2 3.3.5.4. */
const isExpected = ({ connection, header }: Request): boolean => connection.isNegotiated !== (header.command === Command.Negotiate);

function findChannel(request: Request): void {
  const channel = request.connection.channels.get(request.sessionId);
  request.channel = channel;
  request.session = channel?.session;
  request.signer = channel?.signer;
}

/** A frame that is encrypted with the key of one session cannot carry requests of another (3.3.5.2.1.1). */
const isOfOtherSession = ({ compound: { encryptedBy }, session }: Request): boolean =>
  encryptedBy !== undefined && session !== undefined && session !== encryptedBy;

/** MS-SMB2 3.3.5.2.9. */
function checkSession({ session, header, encrypted }: Request): NtStatus {
  if (session === undefined) return NtStatus.UserSessionDeleted;
  if (session.state === 'expired' && !survivesExpiry.has(header.command)) return NtStatus.NetworkSessionExpired;
  return session.encryptData && !encrypted ? NtStatus.AccessDenied : NtStatus.Success; // a server that supports 3.1.1
}

/** The session has no channel on this connection, or not yet. */
function noChannel(request: Request): NtStatus {
  request.session = undefined;
  request.signer = signerElsewhere(request);
  return NtStatus.UserSessionDeleted;
}

/** A request that blocks the event loop for longer is reported, ms. */
const heldMs = 50;

/** Commands of an expired session: reauthentication, and logoff. MS-SMB2 3.3.5.2.9. */
const survivesExpiry: ReadonlySet<number> = new Set([Command.Logoff, Command.Close, Command.Lock]);

function findTree(request: Request): NtStatus {
  const tree = request.session?.trees.get(request.treeId);
  if (tree === undefined) return NtStatus.NetworkNameDeleted;
  request.tree = tree;
  return tree.share.options?.encryption === 'required' && !request.encrypted ? NtStatus.AccessDenied : NtStatus.Success;
}

/** Finds the open by the ids in the body, before the body is decoded: they are in the fixed part. */
function findOpenOfBody(request: Request, spec: AnyCommand): NtStatus {
  const { frame, at, length } = request;
  const fixed = spec.request.fixed as NonNullable<AnyCommand['request']['fixed']>;
  if (length < headerLength + fixed.byteLength) return NtStatus.InvalidParameter;
  return findOpen(request, readFileIds(frame.view, at + headerLength + (fixed.offset['persistentFileId'] as number)));
}

function handle(request: Request, spec: AnyCommand): MaybePromise<Outcome> {
  const { tree } = request;
  const body: unknown = spec.request.read(request.frame, request.at, request.length);
  const status = request.compound.checkPayload(request, spec.sends?.(body) ?? 0, spec.expects?.(body) ?? 0);
  if (status !== NtStatus.Success) return status;
  const { server } = request;
  const start = server.clock.now();
  const outcome = tree?.share.pacer.waits(start) === true ? paced(request, tree, spec, body) : timed(request, spec, body, start);
  if (!(outcome instanceof Promise) || tree === undefined) return outcome;
  const { open } = request; // that of an IOCTL is known only now
  const held = spec.closes === true ? undefined : open; // CLOSE waits for the other requests, not for itself
  tree.enter();
  held?.enter();
  return outcome.finally(() => {
    held?.leave();
    tree.leave();
  });
}

/** Runs the handler, and counts how long it blocks the event loop. */
function timed(request: Request, spec: AnyCommand, body: unknown, start: number): MaybePromise<Outcome> {
  const { server, tree } = request;
  const outcome: MaybePromise<Outcome> = spec.handle(request as never, body);
  const now = server.clock.now();
  const ms = now - start;
  tree?.share.pacer.blocked(ms, now);
  if (ms > heldMs) server.held(request, ms);
  return outcome;
}

/** Runs the handler when it is the turn of the request: its store has blocked the event loop. Meanwhile its tree connect or open may end. */
async function paced(request: Request, tree: TreeConnect, spec: AnyCommand, body: unknown): Promise<Outcome> {
  const { server, session, open } = request;
  await tree.share.pacer.wait(server.clock);
  if (session?.trees.get(request.treeId) !== tree) return NtStatus.NetworkNameDeleted;
  if (open !== undefined && session.opens.get(open.volatileFileId) !== open) return NtStatus.FileClosed;
  return timed(request, spec, body, server.clock.now());
}

/** Maps an exception to a status. Expected failures were returned instead. */
function failure(request: Request, error: unknown): NtStatus {
  const { connection, header } = request;
  if (error instanceof StatusError) {
    connection.log.debug(error.message, { command: header.command, message: header.messageId });
    return error.status as NtStatus;
  }
  if (error instanceof DecodeError) {
    connection.log.debug(error.message, { command: header.command, message: header.messageId });
    return NtStatus.InvalidParameter;
  }
  if (error instanceof VfsError) {
    connection.log.warn(error.message, { command: header.command, message: header.messageId });
    return statusOf(error.code);
  }
  connection.server.failed(error, { connection: connection.id, command: header.command, message: header.messageId });
  return NtStatus.InternalError;
}
