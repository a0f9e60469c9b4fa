import { createRequire } from 'node:module';
import type Koffi from 'koffi';
import { Errno } from './errno.ts';

type Library = ReturnType<typeof Koffi.load>;

let koffi: typeof Koffi | undefined;
let libc: Library | undefined;

/** Returns the reason why the platform is not supported, or undefined if it is. */
export function unsupported(): string | undefined {
  if (process.platform !== 'linux') return `this part of ring3 makes Linux system calls; this is ${process.platform}`;
  if (process.arch !== 'x64' && process.arch !== 'arm64')
    return `this part of ring3 knows the system calls of x64 and arm64; this is ${process.arch}`;
  return undefined;
}

/** koffi itself, loaded at the first use (13 ms), not by an import. @throws Error if the platform is not supported. */
export function nativeInterface(): typeof Koffi {
  if (koffi !== undefined) return koffi;
  const reason = unsupported();
  if (reason !== undefined) throw new Error(reason);
  koffi = createRequire(import.meta.url)('koffi') as typeof Koffi;
  return koffi;
}

/** The C library of this process, glibc or musl. */
function library(): Library {
  libc ??= nativeInterface().load(null);
  return libc;
}

/** Arguments of system calls: numbers, bytes, and names (NUL-terminated by `nameArgument`). */
export type NativeArgument = number | bigint | string | Uint8Array | BigUint64Array | BigInt64Array | Int32Array | null;

type Bound<A extends NativeArgument[]> = ((...args: A) => number) & {
  async: (...args: [...A, (error: unknown, result: number) => void]) => void;
};

/**
 * One C function, bound at its first call. `run` returns C's result: -1 on failure, and errno must be read at once (`result`). `later` runs in
 * libuv's pool and returns the negative errno.
 */
export interface NativeCall<A extends NativeArgument[]> {
  run(...args: A): number;
  /** @param keep memory that the arguments point to; it is kept from garbage collection until the call completes, as are the arguments */
  later(keep: unknown, ...args: A): Promise<number>;
}

/** Maximum number of calls in libuv's pool or waiting for it; koffi itself rejects more than 256. */
const concurrency = 128;
const waiting: (() => void)[] = [];
/** Memory that other threads use; referenced so that it is not collected. */
const inUse = new Set<unknown>();

function enter(start: () => void): void {
  if (inUse.size < concurrency) start();
  else waiting.push(start);
}

function leave(used: unknown): void {
  inUse.delete(used);
  waiting.shift()?.();
}

/**
 * Declares a C function. Nothing is loaded before its first call.
 * @param make looks it up; throws if the library lacks it
 */
function declareCall<A extends NativeArgument[]>(make: () => Bound<A>): NativeCall<A> {
  let bound: Bound<A> | undefined;
  const call: NativeCall<A> = {
    run: (...args) => {
      bound ??= make();
      call.run = bound; // later calls are direct
      return bound(...args);
    },
    later: (keep, ...args) =>
      new Promise((resolve, reject) => {
        enter(() => {
          const used = [keep, args];
          inUse.add(used);
          try {
            bound ??= make();
            bound.async(...args, (error, answer) => {
              const outcome = answer < 0 ? -errno() : answer; // first: the pool thread's errno is valid only during this callback
              leave(used);
              if (error) reject(error instanceof Error ? error : new Error(String(error)));
              else resolve(outcome);
            });
          } catch (error) {
            leave(used);
            reject(error);
          }
        });
      }),
  };
  return call;
}

/** Declares a function of the C library by its prototype: `'int openat(int, const char *, int, uint)'`. */
export const native = <A extends NativeArgument[]>(prototype: string): NativeCall<A> =>
  declareCall(() => library().func(prototype) as Bound<A>);

/** The numbers of system calls for which some C library has no function, uapi/asm/unistd.h. */
const numbers = {
  x64: {
    getdents64: 217,
    renameat2: 316,
    seccomp: 317,
    copy_file_range: 326,
    preadv2: 327,
    pwritev2: 328,
    statx: 332,
    openat2: 437,
    getxattrat: 464,
  },
  arm64: {
    getdents64: 61,
    renameat2: 276,
    seccomp: 277,
    copy_file_range: 285,
    preadv2: 286,
    pwritev2: 287,
    statx: 291,
    openat2: 437,
    getxattrat: 464,
  },
} as const;
/** A system call made by its number. */
export type RawCall = keyof typeof numbers.x64;

/** Declares a system call made by its number through `syscall`, for calls that musl or an older glibc lacks. The number precedes the arguments. */
export function raw<A extends NativeArgument[]>(name: RawCall, types: string[]): NativeCall<A> {
  const make = (): Bound<A> => {
    const number = numbers[process.arch === 'arm64' ? 'arm64' : 'x64'][name];
    const call = library().func('syscall', 'int64', ['int64', ...types]) as Bound<[number, ...NativeArgument[]]>;
    const bound = call.bind(null, number) as unknown as Bound<A>;
    bound.async = call.async.bind(null, number) as unknown as Bound<A>['async'];
    return bound;
  };
  return declareCall(make);
}

/** The errno of this thread's last call: read it at once. */
export const errno = (): number => nativeInterface().errno();

/** The result of a call, or the negative errno if it returned -1. */
export const result = (answer: number): number => (answer < 0 ? -nativeInterface().errno() : answer);

/** The address of bytes, for structures that hold pointers. The caller keeps a reference to `bytes` while the pointer is used. */
export const address = (bytes: Uint8Array | BigUint64Array | Int32Array): bigint => nativeInterface().address(bytes);

/** A file name: text, or the bytes if a name of the host is not UTF-8. */
export type Name = string | Uint8Array;

/**
 * Prepares a name for C.
 * @returns the argument, or a negative errno: `-EINVAL` for an embedded NUL (C would truncate the name there), `-EILSEQ` for lone surrogates
 */
export function nameArgument(name: Name): string | Uint8Array | number {
  if (typeof name === 'string') {
    if (name.includes('\0')) return -Errno.EINVAL;
    return name.isWellFormed() ? name : -Errno.EILSEQ;
  }
  if (name.includes(0)) return -Errno.EINVAL;
  const terminated = Buffer.alloc(name.length + 1);
  terminated.set(name);
  return terminated;
}
