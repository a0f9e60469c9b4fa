import { isVfsCode, type Kind, type VfsCode } from '@ring3/vfs';
import type { NodeStoreOptions } from '../node-store.ts';

/** An error across processes. `code` for a `VfsError`. */
export interface ErrorMessage {
  readonly message: string;
  readonly code?: VfsCode;
}

/** The first message to the process: the directory to check. It replies with a `LookedMessage`. */
export interface LookMessage {
  readonly look: string;
}

/** The directory's absolute path without symbolic links; or the reason why it cannot be served. */
export interface LookedMessage {
  readonly real?: string;
  readonly error?: ErrorMessage;
}

/** The second message to the process: how to serve the directory. It replies with an `OpenedMessage`. */
export interface ServeMessage {
  readonly serve: string;
  readonly options: NodeStoreOptions;
}

/** A handle in messages between the two processes. */
export interface HandleReference {
  readonly handle: number;
  readonly fileId: string;
  readonly kind: Kind;
  readonly name: string;
}

/** One call of the store. Handles among the parameters are numbers. */
export interface CallMessage {
  /** The number that the reply carries. */
  readonly call: number;
  /** The called handle; 0 for the store itself. */
  readonly handle: number;
  readonly method: string;
  readonly parameters: readonly unknown[];
}

/** The result of one call. */
export interface ReplyMessage {
  readonly call: number;
  readonly answer?: unknown;
  /** The error that the call threw. */
  readonly error?: ErrorMessage;
  /** Handles whose name changed since it was last reported, with the new name. */
  readonly renamed?: readonly (readonly [number, string])[];
}

/** A change in a watched directory. */
export interface ChangeMessage {
  readonly watch: number;
  readonly change: unknown;
}

/** The result of opening the store. */
export interface OpenedMessage {
  readonly features?: readonly string[];
  readonly error?: ErrorMessage;
}

/** Converts an error for a message. */
export const errorMessage = (error: unknown): ErrorMessage => {
  const { code, message = String(error) } = error as { code?: unknown; message?: string };
  return { message, ...(isVfsCode(code) && { code }) };
};
