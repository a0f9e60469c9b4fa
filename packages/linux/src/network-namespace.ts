import { native, result } from './library.ts';

const libc = { unshare: native<[number]>('int unshare(int)') };
/** uapi/linux/sched.h CLONE_NEWNET. */
const newNetwork = 0x40000000;

/**
 * Moves the calling thread into a new network namespace of its own: sockets opened and processes started from then on are in it; those that exist
 * stay where they are. unshare(2) CLONE_NEWNET. The namespace ends with its last socket and process.
 * @returns 0 or a negative errno (`-EPERM`: wants CAP_SYS_ADMIN)
 */
export const newNetworkNamespace = (): number => result(libc.unshare.run(newNetwork));
