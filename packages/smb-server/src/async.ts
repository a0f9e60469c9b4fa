import { type Header, HeaderFlags } from '@ring3/smb-proto';
import type { Limits } from './limits.ts';
import type { Request } from './request.ts';

/** Connection.AsyncCommandList, MS-SMB2 3.3.1.7: the requests that wait, and how each is cancelled. */
export class AsyncList {
  readonly #server: { readonly limits: Pick<Limits, 'maxAsync'> };
  readonly #byAsyncId = new Map<number, Request>();
  readonly #byMessageId = new Map<number, Request>();
  #next = 1;

  /** @param server whose limit holds, as it is now */
  constructor(server: { readonly limits: Pick<Limits, 'maxAsync'> }) {
    this.#server = server;
  }

  get size(): number {
    return this.#byAsyncId.size;
  }

  /** Those that wait for something that a client does, as long as that takes. */
  get patient(): number {
    let count = 0;
    for (const request of this.#byAsyncId.values()) if (request.patient) count++;
    return count;
  }

  /** @returns false where the limit is reached, and nothing was done */
  add(request: Request, cancel: () => void): boolean {
    if (request.asyncId === 0) {
      if (this.#byAsyncId.size >= this.#server.limits.maxAsync) return false;
      request.asyncId = this.#next++;
      this.#byAsyncId.set(request.asyncId, request);
      this.#byMessageId.set(request.header.messageId, request);
    }
    request.cancel = cancel;
    return true;
  }

  remove(request: Request): void {
    request.cancel = undefined;
    if (request.asyncId === 0) return;
    this.#byAsyncId.delete(request.asyncId);
    if (this.#byMessageId.get(request.header.messageId) === request) this.#byMessageId.delete(request.header.messageId);
  }

  /** CANCEL, MS-SMB2 3.3.5.16: by async id where the client knows it, else by message id. At most once for each request. */
  cancel(header: Header): void {
    const asyncId = header.treeId * 4294967296 + header.processId;
    const byAsync = (header.flags & HeaderFlags.AsyncCommand) !== 0;
    const request = byAsync ? this.#byAsyncId.get(asyncId) : this.#byMessageId.get(header.messageId);
    if (request === undefined || (header.sessionId !== request.header.sessionId && header.sessionId !== request.session?.sessionId)) return;
    this.#stop(request);
  }

  /** Cancels those that meet a condition: a session, a tree, an open ends. */
  cancelWhere(meets: (request: Request) => boolean): void {
    for (const request of [...this.#byAsyncId.values()]) if (meets(request)) this.#stop(request);
  }

  #stop(request: Request): void {
    const { cancel } = request;
    request.cancel = undefined;
    cancel?.();
  }
}
