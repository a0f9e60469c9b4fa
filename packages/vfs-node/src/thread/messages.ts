import type { Kind, VfsCode } from '@ring3/vfs';

/** What a thread is given to serve a directory. */
export interface ThreadData {
  readonly folder: string;
  readonly options: object;
}

/** A handle, as the two threads name it to each other. */
export interface HandleReference {
  readonly handle: number;
  readonly fileId: string;
  readonly kind: Kind;
  readonly name: string;
}

/** One call, from the event loop to the thread. Handles among the parameters are numbers. */
export interface CallMessage {
  /** The number that the reply carries. */
  readonly call: number;
  /** The handle that is called; 0 for the store itself. */
  readonly handle: number;
  readonly method: string;
  readonly parameters: readonly unknown[];
}

/** The result of one call. */
export interface ReplyMessage {
  readonly call: number;
  readonly answer?: unknown;
  /** What the call threw. `code` for a `VfsError`. */
  readonly error?: { readonly message: string; readonly code?: VfsCode };
  /** Handles whose name changed since it was last reported, with the new name. */
  readonly renamed?: readonly (readonly [number, string])[];
}

/** A change in a watched directory. */
export interface ChangeMessage {
  readonly watch: number;
  readonly change: unknown;
}

/** The first message of a thread: the store is open, or it could not be opened. */
export interface OpenedMessage {
  readonly features?: readonly string[];
  readonly error?: { readonly message: string; readonly code?: VfsCode };
}

/** What an error says across threads. */
export const errorMessage = (error: unknown): { message: string; code?: VfsCode } => {
  const { code, message } = error as { code?: VfsCode; message?: string };
  return { message: message ?? String(error), ...(code !== undefined && { code }) };
};
