export { type ConnectOptions, connectUnix } from './connect-unix.ts';
export { listenUnix, type UnixServer, type UnixServerOptions } from './listen-unix.ts';
