import { ftruncateSync } from 'node:fs';
import { close } from './close.ts';
import { native, result } from './library.ts';

const libc = { memfd_create: native<[string, number]>('int memfd_create(const char *, uint)') };
const closeOnExec = 1;

/**
 * A file that exists only in memory, for pages that processes share: filled with zeros, freed with its last descriptor. memfd_create(2).
 * @param name shown in /proc; ASCII
 * @returns the descriptor, closed on exec, or a negative errno
 */
export function openMemoryFile(name: string, bytes: number): number {
  const fd = result(libc.memfd_create.run(name, closeOnExec));
  if (fd < 0) return fd;
  try {
    ftruncateSync(fd, bytes);
  } catch (error) {
    close(fd);
    throw error;
  }
  return fd;
}
