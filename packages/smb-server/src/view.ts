import { endSession } from './close.ts';
import type { Server } from './server.ts';

/** One connection, for people. */
export interface ConnectionView {
  readonly id: number;
  readonly peer: string;
  readonly dialect: number | undefined;
  readonly since: number;
  readonly lastActive: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly inFlight: number;
  readonly sessions: number;
}
/** One session, for people. */
export interface SessionView {
  readonly id: number;
  readonly connection: number;
  readonly peer: string;
  readonly user: string;
  readonly domain: string;
  readonly workstation: string;
  readonly guest: boolean;
  readonly anonymous: boolean;
  readonly signed: boolean;
  readonly encrypted: boolean;
  readonly since: number;
  readonly shares: readonly string[];
  readonly opens: number;
}
/** One open, for people. */
export interface OpenView {
  readonly id: number;
  readonly session: number;
  readonly user: string;
  readonly share: string;
  readonly path: string;
  readonly access: number;
}

/** What is there now, as copies; and the way to end a part of it. */
export interface View {
  connections(): ConnectionView[];
  sessions(): SessionView[];
  opens(): OpenView[];
  /** @returns whether there was one */
  endConnection(id: number, reason?: string): boolean;
  endSession(id: number): boolean;
}

/** Looks at a server. */
export function viewOf(server: Server): View {
  const sessions = () => [...server.sessions.values()].filter(({ state }) => state !== 'inProgress');
  return {
    connections: () =>
      [...server.connections.values()].map((connection) => ({
        id: connection.id,
        peer: connection.link.peer,
        dialect: connection.dialect,
        since: connection.creationTime,
        lastActive: connection.lastActive,
        bytesIn: connection.bytesIn,
        bytesOut: connection.bytesOut,
        inFlight: connection.inFlight,
        sessions: connection.sessions.size,
      })),
    sessions: () =>
      sessions().map((session) => ({
        id: session.sessionId,
        connection: session.connection.id,
        peer: session.connection.link.peer,
        user: session.identity.name,
        domain: session.domain,
        workstation: session.workstation,
        guest: session.isGuest,
        anonymous: session.isAnonymous,
        signed: session.signingRequired,
        encrypted: session.encryptData,
        since: session.creationTime,
        shares: [...session.trees.values()].map(({ share }) => share.name),
        opens: session.opens.size,
      })),
    opens: () =>
      sessions().flatMap((session) =>
        [...session.opens.values()].map((open) => ({
          id: open.persistentFileId,
          session: session.sessionId,
          user: session.identity.name,
          share: open.tree.share.name,
          path: open.pathName,
          access: open.grantedAccess,
        })),
      ),
    endConnection: (id, reason = 'ended by the administrator') => {
      const connection = server.connections.get(id);
      connection?.end(reason);
      return connection !== undefined;
    },
    endSession: (id) => {
      const session = server.sessions.get(id);
      if (session !== undefined) void endSession(session);
      return session !== undefined;
    },
  };
}
