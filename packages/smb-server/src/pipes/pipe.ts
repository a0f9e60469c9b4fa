import type { MaybePromise } from '@ring3/kit';
import type { NtStatus } from '@ring3/smb-proto';
import type { Request } from '../request.ts';

/** An open named pipe on IPC$. */
export interface Pipe {
  /** Takes a message of the client's. */
  writeFor(data: readonly Uint8Array[], length: number): { count: number } | NtStatus;
  /** The next bytes for the client; waits where there are none. */
  readFor(request: Request, length: number): MaybePromise<{ dataRemaining: number; data: Uint8Array[] } | NtStatus>;
  /** FSCTL_PIPE_TRANSCEIVE: a message there, and the answer. */
  transceive(request: Request, input: Uint8Array, limit: number): MaybePromise<{ output: Uint8Array; more: boolean } | NtStatus>;
  /** Bytes that can be read now. */
  readonly available: number;
  close(): void;
}
