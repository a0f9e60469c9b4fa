export type { CaptureOptions, CaptureStatus } from './capture-feed.ts';
export { askControl } from './control/client.ts';
export type {
  ControlAnswer,
  ControlRequest,
  ControlRequests,
  ControlVerb,
  DaemonStatus,
  LifecycleState,
  NamespaceInList,
  RuleInList,
} from './control/protocol.ts';
export { type Daemon, type DaemonOptions, startDaemon } from './daemon.ts';
export type { Credentials, ExtraUsers, FileServerOptions, FolderShare } from './file-server.ts';
export { defaultRuntimeDir, defaultStateDir, privateFolder } from './places.ts';
export { StepError } from './start-in-order.ts';
export { StateHeldError, StateStore, type StoredUser } from './state-store.ts';
