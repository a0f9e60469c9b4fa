export { type AesGcm, aesGcm } from './aes-gcm.ts';
export { clockIsKept } from './clock.ts';
export { close, closeLater, duplicate } from './close.ts';
export { check, Errno, type ErrnoName, errnoName, SystemError } from './errno.ts';
export { clearEvent, openEvent, openPipe, raiseEvent, read, write } from './event.ts';
export { type Features, features } from './features.ts';
export { EntryType, FolderReader } from './file/directory.ts';
export { FlockOperation, flock } from './file/flock.ts';
export { addNotify, Notify, type NotifyEvent, openNotify, readNotify, removeNotify } from './file/inotify.ts';
export {
  Advice,
  AllocateMode,
  advise,
  allocate,
  allocateLater,
  clone,
  cloneLater,
  cloneRangeLater,
  copyRangeLater,
  IoFlag,
  mostBuffers,
  readAt,
  readAtLater,
  seekData,
  seekHole,
  sync,
  syncDataLater,
  syncLater,
  truncate,
  truncateLater,
  writeAt,
  writeAtLater,
} from './file/io.ts';
export { type Location, locate } from './file/mounts.ts';
export { AtFlag, linkAt, makeFolder, makeLink, RenameFlag, readLink, renameAt, unlinkAt, unlinkAtLater } from './file/name.ts';
export {
  currentFolder,
  descriptorFolder,
  descriptorPath,
  OpenFlag,
  openAt,
  openat2,
  openat2Allowed,
  openBeneath,
  Resolve,
  reopen,
  walkBeneath,
} from './file/open.ts';
export { lockRecord, RecordLock } from './file/record-lock.ts';
export {
  AccessMode,
  accessAt,
  FileStat,
  type FileSystemStat,
  fileHandle,
  fileSystemStat,
  Mode,
  type NewTime,
  StatAttribute,
  StatField,
  setTimes,
  setTimesAt,
  stat,
  statAt,
} from './file/stat.ts';
export { getXattr, listXattrs, removeXattr, setXattr, XattrFlag, type XattrTarget } from './file/xattr.ts';
export { fileDescriptors } from './file-descriptors.ts';
export type { Name } from './library.ts';
export { openMemoryFile } from './memory-file.ts';
export { newNetworkNamespace } from './network-namespace.ts';
export { listenerFault, placeFault, userNamed } from './place.ts';
export { Readiness, Ready, readiness, type Watch } from './readiness.ts';
export { type FilterInstruction, installFilter, refuseSocket, setNoNewPrivileges } from './seccomp.ts';
export { bindTcp, type InetAddress, inetName } from './socket/inet.ts';
export {
  bindNetlink,
  joinNetlinkGroup,
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
export { findUser, type HostUser } from './user.ts';
export { isWritable } from './writable.ts';
