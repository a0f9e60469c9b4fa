export { createSmbServer, type SmbServer } from './create-smb-server.ts';
export { defaultLimits, type Limits } from './limits.ts';
export { connectMemory } from './links/memory.ts';
export type { SmbServerOptions } from './options.ts';
export type { ServerEvents } from './server.ts';
export type { ShareOptions } from './share.ts';
export { Shares } from './shares.ts';
export { type UserOptions, Users } from './users.ts';
export type { ConnectionView, OpenView, SessionView, View } from './view.ts';
