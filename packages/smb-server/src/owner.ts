import type { Session } from './session.ts';

/** The key by which limits count a session: its user; guests and anonymous clients have no identity of their own and count by their address. */
export const ownerOf = ({ identity, isGuest, isAnonymous, connection }: Session): string =>
  isGuest || isAnonymous ? `guest ${connection.network}` : identity.sid;
