import { runSteps, type Steps, wait } from '@ring3/kit';
import { type Handle, isCode } from '@ring3/vfs';
import { dataAccess } from '../commands/create/make.ts';
import { openStream } from '../commands/create/target.ts';
import { closeOpen } from '../objects/close.ts';
import { lockOnHost, locksHost } from '../objects/host-locks.ts';
import { Open } from '../objects/open.ts';
import type { PersistentOpen, StoredOpen } from '../objects/persistent-opens.ts';
import { newTrail, openParent, release, type Trail } from '../objects/resolve.ts';
import type { Share } from '../objects/share.ts';
import type { Place } from '../objects/tree-connect.ts';
import type { OpenInput } from '../state/index.ts';
import { LockSequences } from '../state/lock-sequences.ts';
import { keyOfHex } from '../values/guid-key.ts';
import { orClose } from '../values/or-close.ts';
import type { Server } from './server.ts';

/**
 * Puts back the persistent opens of an earlier server, with their share modes, locks, oplocks and leases, before the first connection: so no
 * other client takes what they hold. Each waits for its client as long as after a lost connection. One whose file has another id now, or is
 * not there, has ended. MS-SMB2 3.3.3.
 */
export async function restoreOpens(server: Server): Promise<void> {
  const { persistence, log } = server;
  let stored: readonly StoredOpen[];
  try {
    stored = await persistence.load();
  } catch (error) {
    log.error('the persistent opens of the last run cannot be read: they have ended', { error });
    return;
  }
  let restored = 0;
  for (const { open } of stored) server.ids.beyond(open.id);
  for (const one of stored) {
    const { id, share, path } = one.open;
    let ended: string | undefined;
    try {
      ended = await runSteps(restore(server, one));
    } catch (error) {
      ended = error instanceof Error ? error.message : String(error);
    }
    if (ended === undefined) restored++;
    else {
      log.warn('a persistent open has ended', { share, path, why: ended });
      await persistence.forget(id);
    }
  }
  if (restored > 0) log.info('persistent opens wait for their clients', { opens: restored });
}

/** The file of a stored open: of a stream also the file that it belongs to. */
interface Found {
  readonly handle: Handle;
  readonly base: Handle | undefined;
  readonly trail: Trail;
  readonly path: string;
}

/** @returns why the open has ended, if it has */
function* restore(server: Server, stored: StoredOpen): Steps<string | undefined> {
  const { open: kept } = stored;
  const share = server.shares.get(kept.share);
  if (share?.vfs === undefined || !server.persistence.isAvailable(share)) return 'its share has no continuous availability';
  const { persistentOpens, opens } = server.quotas;
  if (!persistentOpens.may(kept.quotaOwner) || !opens.may(kept.quotaOwner)) return 'the limit of opens is reached';
  const root = yield* wait(share.vfs.root(kept.identity));
  if (isCode(root)) return `the directory of its share cannot be opened: ${root}`;
  try {
    const found = yield* find({ share, root, vfs: share.vfs, identity: kept.identity }, kept);
    if (typeof found !== 'string') yield* enter(server, share, stored, found);
    return typeof found === 'string' ? found : undefined;
  } finally {
    yield* wait(root.close());
  }
}

/** Finds the file by the path that it had, or by the one that an unfinished rename gave it. @returns why it is not found */
function* find(place: Place, kept: PersistentOpen): Steps<Found | string> {
  let why = 'its path does not exist';
  for (const path of [kept.path, kept.nextPath]) {
    if (path === undefined) continue;
    const found = yield* openPath(place, path);
    if (found === undefined) continue;
    const { handle, base } = found;
    const isSame = handle.fileId === kept.fileId && base?.fileId === kept.baseId;
    const code = isSame ? yield* wait(handle.reopen?.(dataAccess(kept.grantedAccess, 'file'))) : undefined;
    if (isSame && !isCode(code)) return found;
    yield* close(found);
    why = isCode(code) ? `its file cannot be opened: ${code}` : 'another file has its path';
  }
  return why;
}

function* openPath(place: Place, path: string): Steps<Found | undefined> {
  const parsed = place.share.names.parse(path);
  if (typeof parsed === 'number') return undefined;
  const trail = newTrail();
  const parent = yield* openParent(place, parsed.components, trail);
  if (typeof parent === 'number') return undefined;
  const name = parsed.components.at(-1) ?? '';
  const itself = { access: 'metadata', kind: 'any', disposition: 'open', follow: false } as const;
  const entry = yield* wait(place.vfs.open(parent, name, itself, place.identity));
  yield* release(place, parent);
  if (isCode(entry)) return undefined;
  if (parsed.stream === undefined) return { handle: entry, base: undefined, trail, path };
  const stream = yield* orClose(entry, openStream(entry, parsed.stream, 'metadata', 'open'));
  if (stream !== undefined && !isCode(stream)) return { handle: stream, base: entry, trail, path };
  yield* wait(entry.close());
  return undefined;
}

function* close({ handle, base }: Found): Steps<void> {
  yield* wait(handle.close());
  yield* wait(base?.close());
}

/** Makes the open, without a client. */
function* enter(server: Server, share: Share, { open: kept, locks, sequences }: StoredOpen, found: Found): Steps<void> {
  const { handle, base, trail, path } = found;
  const { identity, durableOwner, quotaOwner, grantedAccess, createOptions, createAction } = kept;
  const openId = server.opens.nextId();
  const clientKey = keyOfHex(kept.clientGuid);
  const lease =
    kept.lease === undefined ? undefined : server.leases.restore({ clientKey }, Buffer.from(kept.lease.key, 'hex'), kept.lease.version);
  const open = new Open({
    persistentFileId: kept.id,
    volatileFileId: openId,
    from: {
      server,
      share,
      identity,
      durableOwner,
      quotaOwner,
      actor: { user: identity.name, peer: kept.peer, session: 0 },
      clientKey,
      attachment: undefined,
      creationTime: kept.since,
    },
    grantedAccess,
    createOptions,
    handle,
    base,
    lease,
    createGuid: keyOfHex(kept.createGuid),
    createAction,
    appInstance: {
      id: kept.appInstanceId === undefined ? undefined : keyOfHex(kept.appInstanceId),
      version: kept.appInstanceVersion === undefined ? undefined : BigInt(kept.appInstanceVersion),
    },
    pipe: undefined,
    ancestors: trail.ids,
    parentLease: kept.parentLease === undefined ? undefined : keyOfHex(kept.parentLease),
    parentDescriptor: trail.descriptor,
    pathName: path,
  });
  open.durable = { kind: 'persistent', version: 2, timeoutMs: kept.timeoutMs };
  server.opens.enter(open);
  if (lease !== undefined) {
    lease.file = { state: open.fileState, id: handle.fileId };
    server.leases.settle(lease, open);
  }
  server.persistence.restored(open);
  server.durables.created(open);
  server.durables.detach(open, open.durable, () => void closeOpen(open));
  yield* restoreState(open, kept, locks);
  if (locks.length > 0) {
    open.locks = locks.length;
    server.quotas.locks.add(quotaOwner, locks.length);
    if (locksHost(open, handle)) yield* lockOnHost(open, handle, locks);
  }
  if (sequences.length > 0) open.lockSequences = new LockSequences();
  for (const { place, number } of sequences) open.lockSequences?.restore(place, number);
}

function* restoreState(open: Open, kept: PersistentOpen, locks: StoredOpen['locks']): Steps<void> {
  const { handle, base, fileState, volatileFileId: openId, owner } = open;
  const { grantedAccess: access, shareAccess, level, epoch } = kept;
  const common = { kind: 'open', openId, shareAccess, overwrites: false } as const;
  const input: OpenInput = {
    ...common,
    owner,
    access,
    checkedAccess: access,
    deleteOnClose: kept.deleteOnClose,
    posixDelete: kept.posixDelete,
    name: handle && open.server.nameIds.of(handle),
  };
  const restored = { kind: 'restore', open: input, locks, level, epoch, deletePending: kept.deletePending } as const;
  yield* wait(fileState.submit(handle?.fileId ?? '', restored));
  if (base === undefined) return;
  const ofStream: OpenInput = {
    ...common,
    owner: openId,
    access: 0,
    checkedAccess: 0,
    deleteOnClose: false,
    ofStream: true,
    name: open.server.nameIds.of(base),
  };
  const ofBase = { kind: 'restore', open: ofStream, locks: [], level: 'none', epoch: 0, deletePending: kept.baseDeletePending } as const;
  yield* wait(fileState.submit(base.fileId, ofBase));
}
