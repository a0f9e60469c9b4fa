import { closeSync, openSync, rmSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Finding, limited, missing, ok } from './finding.ts';

/** Checks whether a directory can be shared and supports extended attributes. It creates a file there and deletes it. */
export async function folder(dir: string): Promise<Finding[]> {
  const path = resolve(dir);
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true)
    return [missing('folder', `there is no directory ${path}`, 'name an existing directory')];
  const probe = join(path, `.ring3-doctor-${process.pid}`);
  let fd: number;
  try {
    fd = openSync(probe, 'wx', 0o600);
  } catch (error) {
    return [
      limited(
        'folder',
        `${path} cannot be written (${(error as NodeJS.ErrnoException).code})`,
        'chown or chmod it, or serve it with --read-only',
      ),
    ];
  }
  try {
    return [ok('folder', `${path} can be written`), await attributes(fd, path)];
  } finally {
    closeSync(fd);
    rmSync(probe, { force: true });
  }
}

async function attributes(fd: number, path: string): Promise<Finding> {
  const { Errno, errnoName, setXattr } = await import('@ring3/linux');
  const fits = (bytes: number): number => setXattr(fd, 'user.ring3.doctor', new Uint8Array(bytes));
  const small = fits(100);
  if (small === -Errno.EOPNOTSUPP || small === -Errno.EPERM) {
    const advice =
      'attributes, streams and security descriptors of files are stored in the state directory instead; ext4, xfs and btrfs store them with the file';
    return limited('attributes', `no extended attributes on ${path}`, advice);
  }
  if (small < 0) return limited('attributes', `${errnoName(-small)} on ${path}`, 'see setxattr(2)');
  const large = [65_536, 16_384, 4096, 2048].find((bytes) => fits(bytes) === 0) ?? 100;
  return ok('attributes', `extended attributes of ${large} bytes and more`);
}
