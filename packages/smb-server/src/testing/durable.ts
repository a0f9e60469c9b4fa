import type { FakeClock } from '@ring3/kit';
import {
  AppInstanceId,
  AppInstanceVersion,
  CreateContextName,
  CreateResponse,
  Dialect,
  DurableHandleReconnect,
  DurableHandleReconnectV2,
  DurableHandleRequestV2,
  Lease,
  OplockLevel,
} from '@ring3/smb-proto';
import { createMemoryStore, type Vfs } from '@ring3/vfs';
import { Frame } from '@ring3/wire';
import type { Ids, opening } from './elements.ts';
import { type Answer, RawClient, testServer } from './raw-client.ts';
import { turns } from './turns.ts';

/** Fields of a CREATE. */
export type Create = NonNullable<Parameters<typeof opening>[1]>;
/** A create context. */
export type Context = { name: string; data: Uint8Array };
/** 16 equal bytes. */
export const guid = (n: number): Uint8Array => new Uint8Array(16).fill(n);

/** The create contexts of durable opens, MS-SMB2 2.2.13.2. */
export const DHnQ: Context = { name: CreateContextName.DurableHandleRequest, data: new Uint8Array(16) };
function context<T>(name: string, declaration: { byteLength: number; write(frame: Frame, at: number, value: T): void }, value: T): Context {
  const frame = Frame.alloc(declaration.byteLength);
  declaration.write(frame, 0, value);
  return { name, data: frame.bytes };
}
export const DHnC = (ids: Ids): Context => context(CreateContextName.DurableHandleReconnect, DurableHandleReconnect, ids);
export const DH2Q = (n: number, timeout = 0, flags = 0): Context =>
  context(CreateContextName.DurableHandleRequestV2, DurableHandleRequestV2, { timeout, flags, createGuid: guid(n) });
export const DH2C = (ids: Ids, n: number, flags = 0): Context =>
  context(CreateContextName.DurableHandleReconnectV2, DurableHandleReconnectV2, { ...ids, createGuid: guid(n), flags });
export const lease = (n: number, leaseState: number): Context =>
  context(CreateContextName.RequestLease, Lease, { leaseKey: guid(n), leaseState, leaseFlags: 0 });
export const instance = (n: number): Context => context(CreateContextName.AppInstanceId, AppInstanceId, { appInstanceId: guid(n) });
export const version = (low: bigint): Context =>
  context(CreateContextName.AppInstanceVersion, AppInstanceVersion, { appInstanceVersionHigh: 0n, appInstanceVersionLow: low });
/** A CREATE with a batch oplock. */
export const batch = (...createContexts: Context[]): Create => ({ requestedOplockLevel: OplockLevel.Batch, createContexts });

/** A server, its clock, and clients of it by their ClientGuid. */
export async function stage(options?: Parameters<typeof testServer>[0]) {
  const server = testServer(options);
  const at = (n = 0xa, user = 'ann', password = 'secret', dialect: number = Dialect.Smb302): Promise<RawClient> =>
    RawClient.at(server, 'share', user, password, dialect, guid(n));
  return { server, clock: server.clock as FakeClock, at };
}
/** The connection of a client is lost. */
export const cut = async (client: RawClient): Promise<void> => {
  client.sendBytes(Uint8Array.of(0xee, 0, 0, 0));
  await client.next();
  await turns(3);
};
/** The data of a create context in a response. */
export const contextOf = (answer: Answer, name: string): Uint8Array | undefined =>
  answer.read(CreateResponse).createContexts.find((one) => one.name === name)?.data;

/** A memory store whose ids are the same for the next server. */
export function lastingStore(): Vfs {
  const store = createMemoryStore();
  return Object.defineProperty(store, 'features', { value: new Set([...store.features, 'stableIds']) });
}
