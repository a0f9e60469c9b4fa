import { isPrivileged } from '../listen-fault.ts';
import { actAs } from './act-as.ts';
import { boundSocket, type ListeningSocket, passedSocket } from './listening-socket.ts';

/** The resources that a daemon needs from the machine, and its user. */
export interface Place {
  /** The user of the machine that it acts as: a name or an id; default: the user that started it. */
  readonly as?: string | undefined;
  readonly host: string;
  readonly port: number;
  /** Directories for state and sockets that were named explicitly; that user will own them. */
  readonly folders?: readonly (string | undefined)[];
}

/**
 * The first step: takes the socket that a service manager listens on, or binds the port that only root may use; then becomes the user that
 * the daemon acts as. Default paths are those of that user afterwards.
 * @returns the socket to listen on, if it exists already
 * @throws Error in one line
 */
export async function takePlace({ as, host, port, folders = [] }: Place): Promise<ListeningSocket | undefined> {
  const listening = passedSocket() ?? (as !== undefined && isPrivileged(port) ? await boundSocket(host, port) : undefined);
  const chosen = folders.filter((folder) => folder !== undefined);
  if (as !== undefined) actAs(as, chosen);
  return listening;
}
