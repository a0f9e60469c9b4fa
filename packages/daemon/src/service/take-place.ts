import { isPrivileged } from '../listen-fault.ts';
import { actAs } from './act-as.ts';
import { boundSocket, type ListeningSocket, passedSocket } from './listening-socket.ts';

/** What a daemon is to have of the machine, and as whom. */
export interface Place {
  /** The user of the machine that it acts as: a name or an id; whoever started it unless given. */
  readonly as?: string | undefined;
  readonly host: string;
  readonly port: number;
  /** Folders that somebody chose for state and sockets, which that user is to have. */
  readonly folders?: readonly (string | undefined)[];
}

/**
 * Done before anything else: takes the socket that a service manager listens on, or holds the port that only root may; then becomes the user that the
 * daemon acts as. Places that nobody chose are that user's from here on.
 * @returns the socket to listen on, where it is there already
 * @throws Error in one line
 */
export async function takePlace({ as, host, port, folders = [] }: Place): Promise<ListeningSocket | undefined> {
  const listening = passedSocket() ?? (as !== undefined && isPrivileged(port) ? await boundSocket(host, port) : undefined);
  const chosen = folders.filter((folder) => folder !== undefined);
  if (as !== undefined) actAs(as, chosen);
  return listening;
}
