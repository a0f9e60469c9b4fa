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
export { type Credentials, type Daemon, type DaemonOptions, type FolderShare, startDaemon } from './daemon.ts';
export { defaultRuntimeDir, defaultStateDir, privateFolder } from './places.ts';
export { StepError } from './start-in-order.ts';
export { StateHeldError, StateStore, type StoredUser } from './state-store.ts';
