import { type Clock, DebugLines, DebugSwitches, type Log } from '@ring3/kit';

/**
 * The components whose debug output can be switched on and off, named and ordered as those of the kernel server. RDMA is not supported: its
 * switch does nothing.
 */
export const debugWords = ['smb', 'auth', 'vfs', 'oplock', 'ipc', 'conn', 'rdma'] as const;
export type DebugWord = (typeof debugWords)[number];

/** Default switches, for a server that is not given any. */
export const ownDebug = (log: Log, clock: Clock): DebugSwitches<DebugWord> => new DebugSwitches(debugWords, new DebugLines(log, clock));
