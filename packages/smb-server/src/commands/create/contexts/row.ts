import type { NtStatus } from '@ring3/smb-proto';
import type { Stat } from '@ring3/vfs';
import type { Open } from '../../../objects/open.ts';
import type { CreatePlan } from '../plan.ts';

/** One create context, MS-SMB2 2.2.13.2: its request and its response. */
export interface ContextRow {
  readonly name: string;
  /** Handles the data of the request. @returns the status that ends the CREATE, or success @throws DecodeError */
  ask(plan: CreatePlan, data: Uint8Array): NtStatus;
  /** The data of the response, once the file is open. */
  answer?(plan: CreatePlan, open: Open, stat: Stat): Uint8Array | undefined;
}
