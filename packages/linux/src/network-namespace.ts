import { native, result } from './library.ts';

const libc = { unshare: native<[number]>('int unshare(int)') };
/** uapi/linux/sched.h CLONE_NEWNET. */
const newNetwork = 0x40000000;

/**
 * Moves the calling thread into a new network namespace: sockets opened and processes started later are in it; existing ones
 * are not moved. unshare(2) CLONE_NEWNET. The namespace is deleted with its last socket and process.
 * @returns 0 or a negative errno (`-EPERM`: requires CAP_SYS_ADMIN)
 */
export const newNetworkNamespace = (): number => result(libc.unshare.run(newNetwork));
