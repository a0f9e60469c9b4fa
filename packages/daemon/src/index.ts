export type { AuditOptions } from './audit/audit-options.ts';
export type { CaptureCounts, CaptureOptions, CaptureStatus } from './capture-feed.ts';
export type { Change, Reloaded } from './change.ts';
export { checkSettings } from './check-settings.ts';
export { askControl, followControl } from './control/client.ts';
export type {
  CaptureProgress,
  CaptureToPlay,
  ControlAnswer,
  ControlRequest,
  ControlRequests,
  ControlStream,
  ControlStreams,
  ControlVerb,
  DaemonStatus,
  Filter,
  InNamespace,
  LifecycleState,
  Named,
  NamespaceInList,
  RuleInList,
} from './control/protocol.ts';
export { type Daemon, type DaemonOptions, startDaemon } from './daemon.ts';
export { readToken } from './http/console-token.ts';
export type { ConsoleOptions } from './http/server.ts';
export { defaultStateDir } from './places.ts';
export type { ListeningSocket } from './service/listening-socket.ts';
export { type ServiceManager, serviceManager } from './service/service-manager.ts';
export { type Place, takePlace } from './service/take-place.ts';
export type { SettingsSource } from './serving.ts';
export type { Credentials, FileServerOptions, KnownUser, Settings } from './settings.ts';
export type { FolderShare } from './shared-folders.ts';
export { hostFault, startWarnings, stateDirFault } from './start-check.ts';
export { StepError } from './start-in-order.ts';
export { StateError } from './state-file.ts';
export { StateHeldError, StateStore, type StoredShare, type StoredUser } from './state-store.ts';
