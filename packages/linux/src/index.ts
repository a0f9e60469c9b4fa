export { close, duplicate } from './close.ts';
export { check, Errno, type ErrnoName, errnoName, SystemError } from './errno.ts';
export { clearEvent, openEvent, openPipe, raiseEvent, read, write } from './event.ts';
export type { Name } from './library.ts';
export { openMemoryFile } from './memory-file.ts';
export { Readiness, Ready, readiness, type Watch } from './readiness.ts';
export {
  bindNetlink,
  joinNetlinkGroup,
  leaveNetlinkGroup,
  type NetlinkAddress,
  NetlinkOption,
  NetlinkProtocol,
  netlinkName,
  openNetlink,
  receiveNetlink,
  sendNetlink,
} from './socket/netlink.ts';
export {
  accept,
  attachFilter,
  bind,
  connect,
  Domain,
  listen,
  MessageFlag,
  receive,
  SocketLevel,
  SocketOption,
  SocketType,
  send,
  setSocketOption,
  shutdown,
  socket,
  socketName,
  socketOption,
  socketOptionBytes,
} from './socket/socket.ts';
export {
  bindUnix,
  type Credentials,
  connectUnix,
  MessageDetails,
  openUnix,
  peerCredentials,
  receiveMessage,
  sendMessage,
  socketPair,
  type UnixAddress,
} from './socket/unix.ts';
export { unread } from './socket/unread.ts';
