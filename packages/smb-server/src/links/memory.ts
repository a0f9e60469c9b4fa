import { type Link, linkPair, type PairOptions } from '@ring3/kit';
import type { Server } from '../server.ts';

/** A client's end of a connection inside the process. */
export function connectMemory(server: Pick<Server, 'accept'>, options?: PairOptions): Link {
  const [client, end] = linkPair(options);
  server.accept(end);
  return client;
}
