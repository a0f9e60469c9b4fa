import { NtStatus } from '@ring3/smb-proto';
import type { PipeEnd, PipeRead, PipeReader } from '../objects/pipe-end.ts';
import type { Session } from '../objects/session.ts';
import type { Share } from '../objects/share.ts';
import type { PipeAccounts, PipeHost, PipeShare } from './host.ts';
import { openPipe, type Pipe } from './pipe.ts';

const typeOf = (share: Share): number => (share.isPipe ? 0x80000003 : 0);

/** The accounts that a session may see. */
function accountsFor({ identity, isGuest, isAnonymous, server }: Session): PipeAccounts {
  const { users } = server;
  return {
    domain: { name: server.options.name.toUpperCase(), sid: users.serverSid },
    nameOf: (sid) => users.nameOf(sid),
    find: (name) => users.find(name),
    all: () => users.all(),
    mayLookUp: !isGuest && !isAnonymous,
    userName: identity.name,
  };
}

/** The values that the pipes report to a session: never shares that it may not connect to. */
function hostFor(session: Session): PipeHost {
  const { server } = session;
  return {
    get accounts() {
      return accountsFor(session);
    },
    get serverName() {
      return server.options.name;
    },
    get workgroup() {
      return server.options.workgroup;
    },
    get comment() {
      return server.options.comment;
    },
    get users() {
      return server.limits.sessions;
    },
    get idleMs() {
      return server.limits.idleMs;
    },
    *shares(): Iterable<PipeShare> {
      for (const share of server.shares.all()) {
        if (share.accessOf(session) === 'none') continue;
        const { name, comment, options } = share;
        const { hidden = false, maxConnections = 0 } = options ?? {};
        const limit = maxConnections > 0 ? { maxUses: maxConnections } : {};
        yield { name, type: typeOf(share), comment, hidden, ...limit };
      }
    },
    wall: () => server.clock.wall(),
    get log() {
      return server.debug.on.ipc
        ? (what: string, fields: object) => server.debug.say('ipc', what, { ...session.actor, ...fields })
        : undefined;
    },
  };
}

function joined(chunks: readonly Uint8Array[], length: number): Uint8Array {
  return chunks.length === 1 ? (chunks[0] as Uint8Array) : new Uint8Array(Buffer.concat(chunks, length));
}

/** A named pipe that a session has open: reads wait for responses, and end with the pipe. */
export class SessionPipe implements PipeEnd {
  readonly #pipe: Pipe;
  readonly #book: (bytes: number) => boolean;
  /** Bytes of `Pipe.held` that are booked. */
  #booked = 0;
  /** Its user keeps too much: it accepts no more messages. */
  #full = false;
  #waiting: (() => void)[] = [];
  #closed = false;

  /** @param book books the bytes that the pipe keeps for its user: more, or less. It returns false if that exceeds the limit */
  constructor(pipe: Pipe, book: (bytes: number) => boolean) {
    this.#pipe = pipe;
    this.#book = book;
  }

  /** Opens one of the known pipes. A name never reaches anything else. */
  static open(session: Session, name: string): SessionPipe | undefined {
    const pipe = openPipe(name, hostFor(session));
    const { server } = session;
    return pipe === undefined ? undefined : new SessionPipe(pipe, (bytes) => server.keeps(session, bytes));
  }

  write(data: readonly Uint8Array[], length: number): { count: number } | NtStatus {
    if (!this.#write(joined(data, length))) return NtStatus.PipeDisconnected;
    for (const call of this.#waiting.splice(0)) call();
    return { count: length };
  }

  read(request: PipeReader, length: number): PipeRead | Promise<PipeRead> {
    const found = this.#read(request, length);
    if (found !== undefined) return found;
    return new Promise((resolve) => {
      const again = (): void => {
        const later = this.#closed ? NtStatus.PipeBroken : this.#read(request, length);
        if (later === undefined) this.#waiting.push(again);
        else resolve(later);
      };
      const stop = (): void => resolve(this.#closed ? NtStatus.PipeBroken : NtStatus.Cancelled);
      if (!request.pend(stop, true)) resolve(NtStatus.InsufficientResources);
      else this.#waiting.push(again);
    });
  }

  #read(request: PipeReader, length: number): Exclude<PipeRead, number> | undefined {
    const found = this.#pipe.read(length);
    if (found === undefined) return undefined;
    this.#rebook();
    if (found.more) request.status = NtStatus.BufferOverflow;
    return { dataRemaining: 0, data: [found.bytes] };
  }

  transceive(input: Uint8Array, limit: number): { readonly bytes: Uint8Array; readonly more: boolean } | NtStatus {
    if (!this.#write(input)) return NtStatus.PipeDisconnected;
    const answer = this.#pipe.read(limit);
    this.#rebook();
    return answer ?? { bytes: new Uint8Array(0), more: false };
  }

  #write(bytes: Uint8Array): boolean {
    if (this.#full || !this.#pipe.write(bytes)) return false;
    this.#full = !this.#rebook();
    return !this.#full;
  }

  #rebook(): boolean {
    const change = this.#pipe.held - this.#booked;
    if (change === 0) return true;
    if (!this.#book(change)) return false;
    this.#booked += change;
    return true;
  }

  get waiting(): readonly Uint8Array[] {
    return this.#pipe.waiting;
  }

  close(): void {
    this.#closed = true;
    if (this.#booked > 0) this.#book(-this.#booked);
    this.#booked = 0;
    for (const call of this.#waiting.splice(0)) call();
  }
}
