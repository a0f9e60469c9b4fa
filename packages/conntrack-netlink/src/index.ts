export { cttimeout } from './cttimeout/commands.ts';
export { createNetlinkServer, type NamespaceServerOptions } from './server.ts';
