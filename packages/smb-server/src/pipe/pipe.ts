import type { Endpoint } from './endpoint.ts';
import { createEndpoint } from './endpoint.ts';
import type { PipeHost } from './host.ts';
import { createLsarpc } from './lsarpc.ts';
import { createSamr } from './samr.ts';
import { srvsvc } from './srvsvc.ts';
import { wkssvc } from './wkssvc.ts';

/** An open named pipe in message mode: DCE/RPC requests are written, responses read. */
export interface Pipe {
  /** Takes one write of the client. @returns false if it breaks the connection of the pipe */
  write(bytes: Uint8Array): boolean;
  /**
   * The next response, or the rest of it.
   * @returns the bytes, and whether this response has more of them; undefined if none is ready
   */
  read(length: number): { readonly bytes: Uint8Array; readonly more: boolean } | undefined;
  /** The unread responses, or the rest of them; they are not removed. */
  readonly waiting: readonly Uint8Array[];
  /** Bytes that it keeps: unread responses, and a request whose last fragment is missing. */
  readonly held: number;
}

/** The interface of each pipe, made for one association. */
const interfaces = { srvsvc: () => srvsvc, wkssvc: () => wkssvc, lsarpc: createLsarpc, samr: createSamr };

/** Whether IPC$ has a pipe of this name, without regard to case. */
export const isPipeName = (name: string): boolean => Object.hasOwn(interfaces, name.toLowerCase());

/** Opens a pipe of IPC$ by its name (without regard to case). @returns undefined if it does not exist */
export function openPipe(name: string, host: PipeHost): Pipe | undefined {
  const key = name.toLowerCase();
  if (!isPipeName(key)) return undefined;
  return pipeOver(createEndpoint(key, interfaces[key as keyof typeof interfaces](), host));
}

/** Bytes of responses that a client may leave unread; more breaks the pipe. */
const maxUnread = 4 * 1024 * 1024;

function pipeOver(endpoint: Endpoint): Pipe {
  const waiting: Uint8Array[] = [];
  let broken = false;
  let unread = 0;
  return {
    waiting,
    get held() {
      return unread + endpoint.held;
    },
    write: (bytes) => {
      if (broken) return false;
      const answers = endpoint.receive(bytes);
      for (const answer of answers ?? []) unread += answer.length;
      if (answers === undefined || unread > maxUnread) broken = true;
      else waiting.push(...answers);
      return !broken;
    },
    read: (length) => {
      const first = waiting[0];
      if (first === undefined) return undefined;
      if (first.length <= length) {
        waiting.shift();
        unread -= first.length;
        return { bytes: first, more: false };
      }
      waiting[0] = first.subarray(length);
      unread -= length;
      return { bytes: first.subarray(0, length), more: true };
    },
  };
}
