import { Errno } from './errno.ts';
import { address, native, raw, result } from './library.ts';

const libc = {
  prctl: native<[number, number, number, number, number]>('int prctl(int, ulong, ulong, ulong, ulong)'),
  seccomp: raw<[number, number, Uint8Array]>('seccomp', ['uint', 'uint', 'const void *']),
};

const PR_SET_NO_NEW_PRIVS = 38;
const SECCOMP_SET_MODE_FILTER = 1;

/** Prevents this thread and all its children from gaining privileges by executing set-user-ID programs or file capabilities. prctl(2). @returns 0 or a negative errno */
export const setNoNewPrivileges = (): number => result(libc.prctl.run(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));

/** One instruction of classic BPF, `struct sock_filter`: code, jump if true, jump if false, operand. uapi/linux/filter.h. */
export type FilterInstruction = readonly [code: number, whenTrue: number, whenFalse: number, operand: number];

/**
 * Installs a filter for the system calls of this thread and its later children; it cannot be removed. seccomp(2). Requires
 * `setNoNewPrivileges` or root. Call it in a process that ends with its child: existing threads are not affected.
 * @param program decides about each call, over `struct seccomp_data`
 * @returns 0 or a negative errno (`-EINVAL`: the program is wrong)
 */
export function installFilter(program: readonly FilterInstruction[]): number {
  if (program.length === 0 || program.length > 4096) return -Errno.EINVAL;
  const bytes = Buffer.alloc(program.length * 8);
  program.forEach(([code, whenTrue, whenFalse, operand], i) => {
    bytes.writeUInt16LE(code, i * 8);
    bytes[i * 8 + 2] = whenTrue;
    bytes[i * 8 + 3] = whenFalse;
    bytes.writeUInt32LE(operand >>> 0, i * 8 + 4);
  });
  const header = Buffer.alloc(16);
  header.writeUInt16LE(program.length, 0);
  header.writeBigUInt64LE(address(bytes), 8);
  return result(libc.seccomp.run(SECCOMP_SET_MODE_FILTER, 0, header));
}

const Load = 0x20; // BPF_LD | BPF_W | BPF_ABS
const JumpEqual = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const Return = 0x06; // BPF_RET | BPF_K
const Allow = 0x7fff0000; // SECCOMP_RET_ALLOW
const Fail = 0x00050000; // SECCOMP_RET_ERRNO
const Kill = 0x80000000; // SECCOMP_RET_KILL_PROCESS

/** The number of socket(2) and the architecture's name, uapi/linux/audit.h. */
const architectures = { x64: { socket: 41, audit: 0xc000003e }, arm64: { socket: 198, audit: 0xc00000b7 } } as const;

/**
 * A program that lets every call pass but one: socket(2) of this family and protocol answers the errno. A program of another architecture (32-bit), which
 * would get around it, is ended.
 */
export function refuseSocket(domain: number, protocol: number, errno: number): FilterInstruction[] {
  const here = architectures[process.arch === 'arm64' ? 'arm64' : 'x64'];
  // struct seccomp_data: nr at 0, arch at 4, args from 16 on, 8 bytes each
  return [
    [Load, 0, 0, 4],
    [JumpEqual, 1, 0, here.audit],
    [Return, 0, 0, Kill],
    [Load, 0, 0, 0],
    [JumpEqual, 0, 5, here.socket],
    [Load, 0, 0, 16],
    [JumpEqual, 0, 3, domain],
    [Load, 0, 0, 32],
    [JumpEqual, 0, 1, protocol],
    [Return, 0, 0, Fail | errno],
    [Return, 0, 0, Allow],
  ];
}
