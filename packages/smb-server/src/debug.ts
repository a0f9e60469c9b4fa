import { type Clock, DebugLines, DebugSwitches, type Log, type LogFields } from '@ring3/kit';
import type { Open } from './open.ts';

/** The components whose debug output is switched on and off, as the kernel server names and orders them. There is no RDMA here: its switch has nothing to say. */
export const debugWords = ['smb', 'auth', 'vfs', 'oplock', 'ipc', 'conn', 'rdma'] as const;
export type DebugWord = (typeof debugWords)[number];

/** Switches of its own for a server that is not given some. */
export const ownDebug = (log: Log, clock: Clock): DebugSwitches<DebugWord> => new DebugSwitches(debugWords, new DebugLines(log, clock));

/** What debug lines say about an open. */
export const fieldsOf = (open: Open | undefined): LogFields =>
  open === undefined
    ? {}
    : {
        ...open.actor,
        connection: open.attachment?.session.connection.id,
        share: open.share.name,
        path: open.pathName,
        open: open.volatileFileId,
      };
