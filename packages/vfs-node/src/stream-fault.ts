import { AccessMode, accessAt, currentFolder, descriptorPath } from '@ring3/linux';
import type { Access, VfsCode } from '@ring3/vfs';
import type { Entry } from './entry.ts';
import { errorCode } from './error-code.ts';

const modes: Readonly<Record<Access, number>> = {
  metadata: 0,
  read: AccessMode.Read,
  write: AccessMode.Write,
  readWrite: AccessMode.Read | AccessMode.Write,
};

/**
 * Checks access to a named stream by the permissions of its file or directory, as the host does for extended attributes (xattr(7)), also if
 * the stream is in the state directory, which belongs to the server.
 * @returns undefined if access is granted; or a code
 */
export function streamFault({ fd }: Entry, access: Access): VfsCode | undefined {
  const mode = modes[access];
  const answer = mode === 0 ? 0 : accessAt(currentFolder, descriptorPath(fd), mode);
  return answer < 0 ? errorCode(answer) : undefined;
}
