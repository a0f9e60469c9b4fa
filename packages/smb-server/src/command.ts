import type { MaybePromise } from '@ring3/kit';
import type { NtStatus } from '@ring3/smb-proto';
import type { Encoded, Frame } from '@ring3/wire';
import type { Open } from './open.ts';
import type { Request } from './request.ts';
import type { Session } from './session.ts';
import type { Tree } from './tree.ts';

/** What has to be there before a handler runs. */
export type Needs = 'none' | 'session' | 'tree' | 'open';

/** What a handler sees: the request with what its row needs. */
export type ContextOf<N extends Needs> = Request &
  (N extends 'none'
    ? unknown
    : N extends 'session'
      ? { readonly session: Session }
      : N extends 'tree'
        ? { readonly session: Session; readonly tree: Tree }
        : { readonly session: Session; readonly tree: Tree; readonly open: Open });

/** The handler's way to say that there is no response (CANCEL). */
export const noResponse = Symbol('no response');
/** The handler's way to say that the connection must be closed. */
export const disconnect = Symbol('disconnect');
/** What a handler answers instead of a response. */
export type Nothing = typeof noResponse | typeof disconnect;

/** A declared request: of a message it uses the reader, and for `needs: 'open'` the places of the ids. */
export interface RequestCodec<T> {
  read(frame: Frame, at: number, length?: number): T;
  readonly fixed?: { readonly byteLength: number; readonly offset: Readonly<Record<string, number>> };
}
/** A declared response: how it is measured and written, and which of its parts is bulk. */
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
  /** Bytes of payload that an answer brings or acknowledges: what the transfer of data is counted by. */
  readonly moved?: (response: Res) => number;
  /** It ends its open, so nobody holds that for it: its handler does, while it uses the store. */
  readonly closes?: boolean;
  /** Answers a body (with `ctx.status` where it is not success), a status, or nothing; at once or later. Throws StatusError for the unusual. */
  handle(ctx: ContextOf<N>, request: Req): MaybePromise<Res | NtStatus | Nothing>;
}

// biome-ignore lint/suspicious/noExplicitAny: rows of any request and response
export type AnyCommand = CommandSpec<any, any, any>;

/** A command whose request has several forms, told apart by their StructureSize. */
export interface Variants {
  readonly byStructureSize: Readonly<Record<number, AnyCommand>>;
}

/** Declares a command with several forms. */
export const variants = (byStructureSize: Variants['byStructureSize']): Variants => ({ byStructureSize });

/** Declares a row. */
export const command = <N extends Needs, Req, Res>(spec: CommandSpec<N, Req, Res>): CommandSpec<N, Req, Res> => spec;
