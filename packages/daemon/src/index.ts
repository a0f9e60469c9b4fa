export { askControl } from './control/client.ts';
export type { ControlAnswer, ControlRequest, ControlRequests, ControlVerb, DaemonStatus, LifecycleState } from './control/protocol.ts';
export { defaultRuntimeDir, defaultStateDir, privateFolder } from './places.ts';
export { StateHeldError, StateStore, type StoredUser } from './state-store.ts';
export { StepError } from './steps.ts';
