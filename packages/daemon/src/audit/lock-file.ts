import { closeSync, fstatSync, openSync, rmSync, statSync } from 'node:fs';
import { errnoName, FlockOperation, flock } from '@ring3/linux';

/**
 * Locks a path for one holder: this process, or another. The lock is a file of mode 0600 that exists while the lock is held; the system
 * releases it however the process ends.
 * @returns releases the lock
 * @throws Error in one line if another holder has it; the system's error
 */
export function lockFile(path: string): () => void {
  for (;;) {
    const fd = openSync(path, 'a', 0o600);
    const locked = flock(fd, FlockOperation.Exclusive);
    if (locked < 0) {
      closeSync(fd);
      throw new Error(errnoName(-locked) === 'EAGAIN' ? 'another ring3 writes it: choose another path' : errnoName(-locked));
    }
    // the previous holder removes the file before it releases the lock: a lock on a removed file keeps no other process out
    if (statSync(path, { throwIfNoEntry: false })?.ino === fstatSync(fd).ino)
      return () => {
        rmSync(path, { force: true });
        closeSync(fd);
      };
    closeSync(fd);
  }
}
