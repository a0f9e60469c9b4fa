import type { Logon } from '@ring3/smb-proto';
import type { Identity } from '@ring3/vfs';

/** The key by which limits count what a client has: its user; guests and anonymous clients are no one user and count by their address. */
export const ownerOf = ({ guest, anonymous }: Pick<Logon, 'guest' | 'anonymous'>, { sid }: Identity, network: string): string =>
  guest || anonymous ? `guest ${network}` : sid;
