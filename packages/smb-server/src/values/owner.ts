import type { Logon } from '@ring3/smb-proto';
import type { Identity } from '@ring3/vfs';

/**
 * The key by which limits count the objects of a client: its user; guests and anonymous clients are not one user and count by their
 * address.
 */
export const ownerOf = ({ guest, anonymous }: Pick<Logon, 'guest' | 'anonymous'>, { sid }: Identity, network: string): string =>
  guest || anonymous ? `guest ${network}` : sid;
