import type { MaybePromise } from '@ring3/kit';
import type { NtStatus } from '@ring3/smb-proto';
import type { Encoded, Frame } from '@ring3/wire';
import type { Open } from '../objects/open.ts';
import type { Session } from '../objects/session.ts';
import type { TreeConnect } from '../objects/tree-connect.ts';
import type { Nothing } from '../values/no-response.ts';
import type { Request } from './request.ts';

/** The objects that must exist before a handler runs. */
export type Needs = 'none' | 'session' | 'tree' | 'open';

/** The context of a handler: the request, with the objects that its row needs. */
export type ContextOf<N extends Needs> = Request &
  (N extends 'none'
    ? unknown
    : N extends 'session'
      ? { readonly session: Session }
      : N extends 'tree'
        ? { readonly session: Session; readonly tree: TreeConnect }
        : { readonly session: Session; readonly tree: TreeConnect; readonly open: Open });

/** A declared request: the reader of its message, and for `needs: 'open'` the offsets of the ids. */
export interface RequestCodec<T> {
  read(frame: Frame, at: number, length?: number): T;
  readonly fixed?: { readonly byteLength: number; readonly offset: Readonly<Record<string, number>> };
}
/** A declared response: its size, its writer, and its bulk part. */
export interface ResponseCodec<T> {
  readonly before: number;
  size(value: T): number;
  write(frame: Frame, at: number, value: T): void;
  encode(value: T): Encoded;
  readonly parts: Readonly<Record<string, { readonly bulk: boolean }>>;
}

/** One row of the command table. */
export interface CommandSpec<N extends Needs, Req, Res> {
  readonly needs: N;
  readonly request: RequestCodec<Req>;
  readonly response: ResponseCodec<Res>;
  /** Payload of the request, bytes. Its credit charge must cover it (3.3.5.2.5). CREATE and LOCK have none: their clients send a charge of 1 (3.2.4.1.5). */
  readonly sends?: (request: Req) => number;
  /** Largest payload of the response that the client accepts, bytes. The credit charge must cover it too. */
  readonly expects?: (request: Req) => number;
  /** Bytes of payload that the response carries or acknowledges: counted as transferred data. */
  readonly moved?: (response: Res) => number;
  /** The command ends its open, so dispatch does not hold the open for it: its handler does, while it uses the store. */
  readonly closes?: boolean;
  /**
   * Returns a body (with `ctx.status` if it is not success), a status, or one of the other results; now or later. Throws StatusError for an
   * unexpected failure.
   */
  handle(ctx: ContextOf<N>, request: Req): MaybePromise<Res | NtStatus | Nothing>;
}

// biome-ignore lint/suspicious/noExplicitAny: rows of any request and response
export type AnyCommand = CommandSpec<any, any, any>;

/** A command whose request has several forms, distinguished by their StructureSize. */
export interface Variants {
  readonly byStructureSize: Readonly<Record<number, AnyCommand>>;
}

/** Declares a command with several forms. */
export const variants = (byStructureSize: Variants['byStructureSize']): Variants => ({ byStructureSize });

/** Declares a row. */
export const command = <N extends Needs, Req, Res>(spec: CommandSpec<N, Req, Res>): CommandSpec<N, Req, Res> => spec;
