export { type ConnectOptions, connectUnix, type UnixNetlinkLink, UntrustedListener } from './connect-unix.ts';
export { listenUnix, type UnixServer, type UnixServerOptions } from './listen-unix.ts';
