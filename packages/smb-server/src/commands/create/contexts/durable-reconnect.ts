import { type CreateContext, CreateContextName, NtStatus } from '@ring3/smb-proto';

const { DurableHandleRequest, DurableHandleReconnect, DurableHandleRequestV2, DurableHandleReconnectV2 } = CreateContextName;

/**
 * SMB2_CREATE_DURABLE_HANDLE_RECONNECT and _V2, MS-SMB2 3.3.5.9.7 and 3.3.5.9.12: no open is durable, so none is found. A CREATE that succeeded instead would
 * give the client another open for the one that it lost. Neither name nor file is looked at.
 * @returns success if the request does not reconnect
 */
export function checkReconnect(contexts: readonly CreateContext[]): NtStatus {
  const names = new Set(contexts.map(({ name }) => name));
  const v1 = names.has(DurableHandleRequest) || names.has(DurableHandleReconnect);
  const v2 = names.has(DurableHandleRequestV2) || names.has(DurableHandleReconnectV2);
  const both = names.has(DurableHandleRequestV2) && names.has(DurableHandleReconnectV2);
  if ((v1 && v2) || both) return NtStatus.InvalidParameter; // 3.3.5.9.6, 3.3.5.9.10
  return names.has(DurableHandleReconnect) || names.has(DurableHandleReconnectV2) ? NtStatus.ObjectNameNotFound : NtStatus.Success;
}
