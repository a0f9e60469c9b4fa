import { join } from 'node:path';
import { defaultRuntimeDir } from '@ring3/daemon/places';

/** Where a running daemon's control socket is, unless an option says otherwise. */
export const defaultControl = (): string => join(defaultRuntimeDir(), 'control.sock');
/** Where its netlink socket is. */
export const defaultNetlink = (): string => join(defaultRuntimeDir(), 'netlink.sock');
