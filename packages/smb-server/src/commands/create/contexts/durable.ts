import {
  type CreateContext,
  CreateContextName,
  Dialect,
  DurableHandleFlags,
  DurableHandleReconnect,
  DurableHandleReconnectV2,
  DurableHandleRequestV2,
  DurableHandleResponseV2,
  NtStatus,
} from '@ring3/smb-proto';
import { Frame } from '@ring3/wire';
import { guidKey } from '../../../values/guid-key.ts';
import type { CreatePlan } from '../plan.ts';
import type { ContextRow } from './row.ts';

const {
  DurableHandleRequest,
  DurableHandleReconnect: Reconnect,
  DurableHandleRequestV2: RequestV2,
  DurableHandleReconnectV2: ReconnectV2,
} = CreateContextName;

/** The contexts that each durable context excludes, MS-SMB2 3.3.5.9.6, .7, .10 and .12. */
const excludes: readonly (readonly [name: string, others: readonly string[]])[] = [
  [DurableHandleRequest, [RequestV2, ReconnectV2]],
  [Reconnect, [RequestV2, ReconnectV2]],
  [RequestV2, [DurableHandleRequest, Reconnect, ReconnectV2]],
  [ReconnectV2, [DurableHandleRequest, Reconnect, RequestV2]],
];

/** Whether the durable contexts of a CREATE exclude each other: INVALID_PARAMETER. */
export function durableContextsConflict(contexts: readonly CreateContext[]): boolean {
  const has = (name: string): boolean => contexts.some((context) => context.name === name);
  return excludes.some(([name, others]) => has(name) && others.some(has));
}

/** Whether a CREATE reconnects to an open: then the fields of its request are not used. */
export const reconnectsOpen = (contexts: readonly CreateContext[]): boolean =>
  contexts.some(({ name }) => name === Reconnect || name === ReconnectV2);

const is3x = ({ ctx }: CreatePlan): boolean => ctx.connection.negotiated.dialect >= Dialect.Smb30;
const isPersistent = (flags: number): boolean => (flags & DurableHandleFlags.Persistent) !== 0;
const response = new Uint8Array(8);

/** SMB2_CREATE_DURABLE_HANDLE_REQUEST, MS-SMB2 3.3.5.9.6. */
export const durableRequest: ContextRow = {
  name: DurableHandleRequest,
  ask(plan) {
    plan.durableRequest = { version: 1, createGuid: undefined, timeoutMs: 0, persistent: false };
    return NtStatus.Success;
  },
  answer: (_plan, { durable }) => (durable?.version === 1 ? response : undefined),
};

/** SMB2_CREATE_DURABLE_HANDLE_REQUEST_V2, MS-SMB2 3.3.5.9.10: with the GUID by which the client reconnects. */
export const durableRequestV2: ContextRow = {
  name: RequestV2,
  ask(plan, data) {
    const { timeout, createGuid, flags } = DurableHandleRequestV2.read(new Frame(data), 0);
    if (!is3x(plan)) return NtStatus.Success;
    plan.durableRequest = { version: 2, createGuid: guidKey(createGuid), timeoutMs: timeout, persistent: isPersistent(flags) };
    return NtStatus.Success;
  },
  answer(_plan, { durable }) {
    if (durable?.version !== 2) return undefined;
    const frame = Frame.alloc(DurableHandleResponseV2.byteLength);
    DurableHandleResponseV2.write(frame, 0, {
      timeout: durable.timeoutMs,
      flags: durable.kind === 'persistent' ? DurableHandleFlags.Persistent : 0,
    });
    return frame.bytes;
  },
};

/** SMB2_CREATE_DURABLE_HANDLE_RECONNECT, MS-SMB2 3.3.5.9.7. */
export const durableReconnect: ContextRow = {
  name: Reconnect,
  ask(plan, data) {
    const { persistentFileId } = DurableHandleReconnect.read(new Frame(data), 0);
    plan.reconnect = { version: 1, persistentFileId, createGuid: undefined, persistent: false };
    return NtStatus.Success;
  },
};

/** SMB2_CREATE_DURABLE_HANDLE_RECONNECT_V2, MS-SMB2 3.3.5.9.12. */
export const durableReconnectV2: ContextRow = {
  name: ReconnectV2,
  ask(plan, data) {
    const { persistentFileId, createGuid, flags } = DurableHandleReconnectV2.read(new Frame(data), 0);
    plan.reconnect = { version: 2, persistentFileId, createGuid: guidKey(createGuid), persistent: isPersistent(flags) };
    return NtStatus.Success;
  },
};
