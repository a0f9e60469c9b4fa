import { CreateAction, CreateDisposition, NtStatus } from '@ring3/smb-proto';

/** The effect of a disposition if the file exists, and if it does not: an action, or a status. MS-SMB2 2.2.13, MS-FSA 2.1.5.1. */
export interface DispositionRow {
  readonly there: 'open' | 'overwrite' | 'supersede' | NtStatus;
  readonly missing: 'create' | NtStatus;
}

/** The rows, by CreateDisposition. */
export const dispositions: Readonly<Record<number, DispositionRow>> = {
  [CreateDisposition.Supersede]: { there: 'supersede', missing: 'create' },
  [CreateDisposition.Open]: { there: 'open', missing: NtStatus.ObjectNameNotFound },
  [CreateDisposition.Create]: { there: NtStatus.ObjectNameCollision, missing: 'create' },
  [CreateDisposition.OpenIf]: { there: 'open', missing: 'create' },
  [CreateDisposition.Overwrite]: { there: 'overwrite', missing: NtStatus.ObjectNameNotFound },
  [CreateDisposition.OverwriteIf]: { there: 'overwrite', missing: 'create' },
};

/** CreateAction of an action, MS-SMB2 2.2.14. */
export const actionOf = { open: CreateAction.Opened, overwrite: CreateAction.Overwritten, supersede: CreateAction.Superseded } as const;
