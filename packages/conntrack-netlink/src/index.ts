export { cthelper } from './cthelper/commands.ts';
export { cttimeout } from './cttimeout/commands.ts';
export { createNetlinkServer, type NamespaceServerOptions, type SubsystemName } from './server.ts';
