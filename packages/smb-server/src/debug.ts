import { type Clock, DebugLines, DebugSwitches, type Log } from '@ring3/kit';

/** The components whose debug output is switched on and off, as the kernel server names and orders them. There is no RDMA here: its switch has nothing to say. */
export const debugWords = ['smb', 'auth', 'vfs', 'oplock', 'ipc', 'conn', 'rdma'] as const;
export type DebugWord = (typeof debugWords)[number];

/** Switches of its own for a server that is not given some. */
export const ownDebug = (log: Log, clock: Clock): DebugSwitches<DebugWord> => new DebugSwitches(debugWords, new DebugLines(log, clock));
