import { Command, Header, HeaderFlags, LeaseBreakFlags, LeaseBreakNotification, OplockBreak } from '@ring3/smb-proto';
import { Frame } from '@ring3/wire';
import type { ChannelConnection } from '../objects/channel.ts';
import { closeOpen } from '../objects/close.ts';
import { fieldsOf } from '../objects/debug.ts';
import type { Lease } from '../objects/leases.ts';
import type { Open } from '../objects/open.ts';
import type { Session } from '../objects/session.ts';
import { cachingBits, isLease, type OplockBreakEffect, oplockLevelOf } from '../state/index.ts';
import type { Route } from './break-delivery.ts';
import type { RunningServer } from './running-server.ts';

/**
 * The result of a break: the client was notified; or it is disconnected, and keeps its opens with the new level; or no client is connected,
 * and the owner keeps no caching.
 */
export type BreakOutcome = 'notified' | 'kept' | 'lost';

/** Sends the notification of a break to the owner. MS-SMB2 3.3.4.6, 3.3.4.7. */
export function notifyBreak(server: RunningServer, effect: OplockBreakEffect): BreakOutcome {
  const lease = isLease(effect.from) ? server.leases.byId(effect.owner) : undefined;
  const open = lease === undefined ? server.opens.get(effect.owner) : anyOpen(lease);
  if (open === undefined) return 'lost';
  if (lease === undefined ? open.attachment === undefined : isDetached(lease))
    return closeDurable(lease === undefined ? [open] : [...lease.opens]);
  const { acknowledge } = effect;
  const sent = server.breaks.deliver(
    lease === undefined
      ? {
          owner: effect.owner,
          message: withHeader(oplockBreakOf(open, effect)),
          acknowledge,
          repeats: false,
          routes: () => routesOf(server, open),
          isBreaking: () => isBreaking(open),
        }
      : {
          owner: effect.owner,
          message: withHeader(leaseBreakOf(lease, effect)),
          acknowledge,
          repeats: lease.ofDirectory,
          routes: () => routesOfLease(server, lease, open),
          isBreaking: () => [...lease.opens].some(isBreaking),
        },
  );
  if (!sent) return 'lost';
  server.numbers.oplockBreaks.add(effect.level);
  if (server.debug.on.oplock) {
    server.debug.say('oplock', 'broken', { ...fieldsOf(open), from: effect.from, to: effect.level, acknowledge: effect.acknowledge });
  }
  return 'notified';
}

/**
 * The client of these opens is disconnected. Durable ones cannot be kept without what they cached; resilient and persistent ones stay, and
 * their client receives the new level when it reconnects.
 */
function closeDurable(opens: readonly Open[]): BreakOutcome {
  for (const open of opens) if (open.durable?.kind === 'durable') void closeOpen(open);
  return opens.some(({ closed }) => !closed) ? 'kept' : 'lost';
}

/** Whether no client is connected that could acknowledge. */
function isDetached({ opens }: Lease): boolean {
  for (const { attachment } of opens) if (attachment !== undefined) return false;
  return true;
}

function anyOpen({ opens }: Lease): Open | undefined {
  for (const open of opens) if (!open.closed) return open;
  return undefined;
}

/** The oplock belongs to the open: its notification is sent on the first channel of its session that is left, MS-SMB2 3.3.4.6. */
function* routesOf(server: RunningServer, open: Open): Iterable<Route> {
  const session = open.attachment?.session;
  if (open.closed || session === undefined) return;
  const encrypts = session.encryptor !== undefined && (session.encryptData || open.share.options?.encryption === 'required');
  for (const channel of session.channels) {
    const connection = channel.isLive ? server.connections.get(channel.connection.id) : undefined;
    if (connection !== undefined) yield { connection, encryptFor: encrypts ? session : undefined };
  }
}

/** The lease belongs to the client: its notification is sent on the client's oldest connection, MS-SMB2 3.3.4.7. */
function* routesOfLease(server: RunningServer, lease: Lease, open: Open): Iterable<Route> {
  const encrypts = open.share.options?.encryption === 'required';
  for (const connection of server.connections.values()) {
    if (connection.ended || !connection.authenticated || !lease.isOf(connection)) continue;
    yield { connection, encryptFor: encryptingSession(connection, encrypts) };
  }
}

/** Whether a break of the oplock or lease of an open is not acknowledged yet. */
const isBreaking = (open: Open): boolean =>
  !open.closed && open.handle !== undefined && open.fileState.look(open.handle.fileId, open.volatileFileId).breaking;

/** The session whose key encrypts a notification: one that encrypts all its messages, or any that can if the share requires it. */
function encryptingSession({ channels }: ChannelConnection, required: boolean): Session | undefined {
  for (const { session, state } of channels.values()) {
    if (state === 'valid' && session.encryptor !== undefined && (session.encryptData || required)) return session;
  }
  return undefined;
}

/** Oplock Break Notification, MS-SMB2 2.2.23.1 and 3.3.4.6. */
function oplockBreakOf({ persistentFileId, volatileFileId }: Open, { level }: OplockBreakEffect): Uint8Array {
  return OplockBreak.encode({ oplockLevel: oplockLevelOf[level], persistentFileId, volatileFileId }).head;
}

/** Lease Break Notification, MS-SMB2 2.2.23.2 and 3.3.4.7: leases of version 1 have no epoch. */
function leaseBreakOf({ key, version }: Lease, { from, level, acknowledge, epoch }: OplockBreakEffect): Uint8Array {
  return LeaseBreakNotification.encode({
    newEpoch: version === 2 ? epoch : 0,
    flags: acknowledge ? LeaseBreakFlags.AckRequired : 0,
    leaseKey: key,
    currentLeaseState: cachingBits[from],
    newLeaseState: cachingBits[level],
  }).head;
}

/** A notification has no session in its header, and is never signed. */
function withHeader(head: Uint8Array): Uint8Array {
  Header.write(new Frame(head), 0, breakHeader);
  return head;
}

const breakHeader = {
  creditCharge: 0,
  status: 0,
  command: Command.OplockBreak,
  credits: 0,
  flags: HeaderFlags.ServerToRedir,
  nextCommand: 0,
  messageId: -1,
  processId: 0,
  treeId: 0,
  sessionId: 0,
  signature: new Uint8Array(16),
};
