import { type Header, HeaderFlags } from '@ring3/smb-proto';
import type { WaitingOn } from '../objects/channel.ts';
import type { Quotas } from '../objects/quotas.ts';
import type { Limits } from '../values/limits.ts';

/** A request that can wait. `Request` implements it. */
export interface Pending extends WaitingOn {
  readonly header: Header;
  readonly connection: { readonly network: string };
  /** AsyncId of a waiting request; 0 before. */
  asyncId: number;
  /** It is blocked on another client's action without a time limit: shutdown does not wait for it. */
  readonly waitsForClient: boolean;
  /** It continues if its channel is lost and its session has another one: the client replays it there. MS-SMB2 3.2.7.1. */
  readonly outlivesChannel: boolean;
  /** The frame that it holds. */
  readonly frame: { readonly length: number };
  /** Set while the request can be cancelled. */
  cancel: (() => void) | undefined;
}

/** What the list needs of its server. */
interface Waits {
  readonly limits: Pick<Limits, 'maxAsync'>;
  readonly quotas: Pick<Quotas, 'waiting'>;
}

/** Whether a request continues after the loss of its connection. */
export const continues = ({ outlivesChannel, session }: Pick<Pending, 'outlivesChannel' | 'session'>): boolean =>
  outlivesChannel && session?.isReachable === true;

const ownerOf = ({ session, connection }: Pending): string => session?.owner ?? connection.network;

/** Connection.AsyncCommandList, MS-SMB2 3.3.1.7: the waiting requests, and how to cancel each. */
export class AsyncList {
  readonly #server: Waits;
  readonly #byAsyncId = new Map<number, Pending>();
  readonly #byMessageId = new Map<number, Pending>();
  #next = 1;

  /** @param server supplies the current limits */
  constructor(server: Waits) {
    this.#server = server;
  }

  get size(): number {
    return this.#byAsyncId.size;
  }

  /** Requests that wait for an action of a client, without a time limit. */
  get waitingForClients(): number {
    let count = 0;
    for (const request of this.#byAsyncId.values()) if (request.waitsForClient) count++;
    return count;
  }

  /** @returns the limit that is reached: then nothing was done */
  add(request: Pending, cancel: () => void): 'maxAsync' | 'waiting' | undefined {
    if (request.asyncId === 0) {
      const { limits, quotas } = this.#server;
      const owner = ownerOf(request);
      if (this.#byAsyncId.size >= limits.maxAsync) return 'maxAsync';
      if (!quotas.waiting.may(owner)) return 'waiting';
      quotas.waiting.add(owner);
      request.asyncId = this.#next++;
      this.#byAsyncId.set(request.asyncId, request);
      this.#byMessageId.set(request.header.messageId, request);
    }
    request.cancel = cancel;
    return undefined;
  }

  remove(request: Pending): void {
    request.cancel = undefined;
    if (request.asyncId === 0) return;
    if (this.#byAsyncId.delete(request.asyncId)) this.#server.quotas.waiting.remove(ownerOf(request));
    if (this.#byMessageId.get(request.header.messageId) === request) this.#byMessageId.delete(request.header.messageId);
  }

  /** CANCEL, MS-SMB2 3.3.5.16: by AsyncId if the client knows it, else by MessageId. A request is cancelled at most once. */
  cancel(header: Header): void {
    const asyncId = header.treeId * 4294967296 + header.processId;
    const byAsync = (header.flags & HeaderFlags.AsyncCommand) !== 0;
    const request = byAsync ? this.#byAsyncId.get(asyncId) : this.#byMessageId.get(header.messageId);
    if (request === undefined || (header.sessionId !== request.header.sessionId && header.sessionId !== request.session?.sessionId)) return;
    this.#stop(request);
  }

  /** Cancels the requests that meet a condition: a session, a tree connect or an open ends. */
  cancelWhere(meets: (request: Pending) => boolean): void {
    for (const request of [...this.#byAsyncId.values()]) if (meets(request)) this.#stop(request);
  }

  /**
   * The connection is lost: cancels the requests that do not continue without it, MS-SMB2 3.3.7.1.
   * @returns the bytes of the frames that the others hold
   */
  disconnected(): number {
    let bytes = 0;
    for (const request of [...this.#byAsyncId.values()]) {
      if (continues(request)) bytes += request.frame.length;
      else this.#stop(request);
    }
    return bytes;
  }

  #stop(request: Pending): void {
    const { cancel } = request;
    request.cancel = undefined;
    cancel?.();
  }
}
