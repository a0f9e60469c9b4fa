import { type Link, linkPair, type PairOptions } from '@ring3/kit';

/** The client's end of a connection inside the process. */
export function connectMemory(server: { accept(link: Link): unknown }, options?: PairOptions): Link {
  const [client, end] = linkPair(options);
  server.accept(end);
  return client;
}
