import type { NtStatus } from '@ring3/smb-proto';

/** A request that can wait for a response of a pipe. */
export interface PipeReader {
  /** Status of a response with a body. */
  status: NtStatus;
  /** Marks it as waiting. @returns false if too many requests wait already */
  pend(cancel: () => void, waitsForClient?: boolean): boolean;
}

/** The data of a READ from a pipe, or its status. */
export type PipeRead = { dataRemaining: number; data: Uint8Array[] } | NtStatus;

/** The named pipe of an open, in message mode. MS-SMB2 3.3.5.12, 3.3.5.13, 3.3.5.15.10. */
export interface PipeEnd {
  /** Takes a message of the client. */
  write(data: readonly Uint8Array[], length: number): { count: number } | NtStatus;
  /** Returns the next response, or the rest of it; waits for one if necessary. */
  read(reader: PipeReader, length: number): PipeRead | Promise<PipeRead>;
  /** Sends a message and returns its response: FSCTL_PIPE_TRANSCEIVE. */
  transceive(input: Uint8Array, limit: number): { readonly bytes: Uint8Array; readonly more: boolean } | NtStatus;
  /** The unread responses, which are not removed: FSCTL_PIPE_PEEK. */
  readonly waiting: readonly Uint8Array[];
  close(): void;
}
