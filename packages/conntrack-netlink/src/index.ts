export { cthelper } from './cthelper/commands.ts';
export { ctnetlink } from './ctnetlink/commands.ts';
export { FlowWriter } from './ctnetlink/write-flow.ts';
export { ctnetlinkExp } from './ctnetlink-exp/commands.ts';
export { cttimeout } from './cttimeout/commands.ts';
export { Events } from './events.ts';
export { queue } from './queue/commands.ts';
export { type Queue, Queues } from './queue/queues.ts';
export { createNetlinkServer, type NamespaceServerOptions, type SubsystemName } from './server.ts';
