export { cthelper } from './cthelper/commands.ts';
export { cttimeout } from './cttimeout/commands.ts';
export { createNetlinkServer, type NamespaceServerOptions } from './server.ts';
