export { createSmbServer, type SmbServer } from './create-smb-server.ts';
export { connectMemory } from './links/memory.ts';
export type { HeldSocket, TcpEnd, TcpEnds } from './links/tcp.ts';
export {
  type LockSequence,
  memoryPersistentOpens,
  type PersistentChange,
  type PersistentOpen,
  type PersistentOpens,
  type StoredOpen,
} from './objects/persistent-opens.ts';
export type { ShareOptions } from './objects/share.ts';
export { Shares } from './objects/shares.ts';
export { isSnapshotToken, type Snapshots, snapshotToken } from './objects/snapshots.ts';
export { type RunTimeOptions, type RunTimeValues, runTimeDefaults, runTimeTexts } from './server/run-time-options.ts';
export type { ConnectionUse, SmbServerOptions } from './server/smb-server-options.ts';
export type { ChannelView, ConnectionView, Counts, LeaseView, LockView, OpenView, SessionView, TreeView, View } from './server/view.ts';
export { breaksOfOthers as cachingBreaks, cachingLevels } from './state/caching.ts';
export { type DebugWord, debugWords } from './values/debug-words.ts';
export type { Actor, FileEvent, OpenAction, ServerEvents } from './values/events.ts';
export { defaultLimits, type Limits } from './values/limits.ts';
export { type UserOptions, Users, userKey } from './values/users.ts';
