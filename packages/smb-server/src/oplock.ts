import { andThen, type MaybePromise } from '@ring3/kit';
import { Command, Dialect, Header, HeaderFlags, OplockBreak, OplockLevel } from '@ring3/smb-proto';
import { Frame } from '@ring3/wire';
import { fieldsOf } from './debug.ts';
import { type HeldLevel, type OplockBreakEffect, oplockLevelOf } from './file-state/index.ts';
import type { Open } from './open.ts';
import type { Server } from './server.ts';
import type { Session } from './session.ts';

/** The oplocks that a CREATE may ask for, MS-SMB2 2.2.13; a lease without its context is none. */
const asked: Readonly<Record<number, HeldLevel>> = {
  [OplockLevel.Ii]: 'levelII',
  [OplockLevel.Exclusive]: 'exclusive',
  [OplockLevel.Batch]: 'batch',
};

/**
 * Whether a client does what the break of an oplock asks. That of the Linux kernel does not at 3.x: it acknowledges, and goes on with what it has cached when a
 * level II oplock is broken to none (seen with 6.1; leases it heeds), so two of them would overwrite each other's data. It is known by its log-on.
 */
const heedsBreaks = ({ bareNtlm, connection }: Session): boolean => !bareNtlm || (connection.dialect ?? 0) < Dialect.Smb30;

/** Requests an oplock for a fresh open, MS-SMB2 3.3.5.9: the level asked for, else level II, else none. Folders have none, and nothing on a share without oplocks. @returns the level granted */
export function requestOplock(open: Open, level: number): MaybePromise<OplockLevel> {
  const { handle, tree } = open;
  const wanted = asked[level];
  if (wanted === undefined || handle?.kind !== 'file' || tree.share.options?.oplocks === false || !heedsBreaks(tree.session)) {
    return OplockLevel.None;
  }
  const granted = tree.fileState.submit(handle.fileId, { kind: 'oplock', openId: open.volatileFileId, level: wanted });
  return andThen(granted, (held) => {
    const { debug } = tree.session.connection.server;
    if (debug.on.oplock) debug.say('oplock', held === 'none' ? 'not granted' : 'granted', { ...fieldsOf(open), asked: wanted, held });
    return oplockLevelOf[held];
  });
}

/**
 * Sends an Oplock Break Notification, MS-SMB2 3.3.4.6: of no request, of no session in its header, never signed, encrypted where the session or the share is.
 * @returns whether there is a client to tell
 */
export function notifyOplockBreak(server: Server, { openId, level, acknowledge }: OplockBreakEffect): boolean {
  const open = server.opens.get(openId);
  if (open === undefined || open.closed) return false;
  const { session, share } = open.tree;
  const { connection } = session;
  if (connection.ended) return false;
  const { persistentFileId, volatileFileId } = open;
  const { head } = OplockBreak.encode({ oplockLevel: oplockLevelOf[level], persistentFileId, volatileFileId });
  Header.write(new Frame(head), 0, breakHeader);
  const seals = session.encryptor !== undefined && (session.encryptData || share.options?.encryption === 'required');
  connection.sendMessage(head, seals ? session : undefined);
  server.numbers.oplockBreaks.add(level);
  if (server.debug.on.oplock) server.debug.say('oplock', 'broken', { ...fieldsOf(open), to: level, acknowledge });
  return true;
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
