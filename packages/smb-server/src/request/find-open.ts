import { NtStatus } from '@ring3/smb-proto';
import { enterChannelSequence } from './channel-sequence.ts';
import type { FileIds, Request } from './request.ts';

/** All ones: the FileId of a related request that means the open of the element before it. MS-SMB2 3.3.5.2.7.2. */
export const noFileId = -1;

/** The FileId at an offset of a frame; a half whose bits are all ones is `noFileId`. */
export function readFileIds(view: DataView, at: number): FileIds {
  const half = (from: number): number => {
    const low = view.getUint32(from, true);
    const high = view.getUint32(from + 4, true);
    return low === 0xffffffff && high === 0xffffffff ? noFileId : high * 4294967296 + low;
  };
  return { persistentFileId: half(at), volatileFileId: half(at + 8) };
}

/**
 * Finds the open of a request, MS-SMB2 3.3.5.2.12, and verifies the channel sequence, 3.3.5.2.10. A related element whose ids are all ones
 * has the open of the element before it, or fails as that did.
 * @param named the ids in its body
 */
export function findOpen(request: Request, named: FileIds): NtStatus {
  const { session, tree, inheritedIds } = request;
  const namesNone = named.persistentFileId === noFileId && named.volatileFileId === noFileId;
  const ids = namesNone && inheritedIds !== undefined ? inheritedIds : named;
  if (typeof ids === 'number') return ids;
  const open = session?.opens.get(ids.volatileFileId);
  if (open === undefined || open.persistentFileId !== ids.persistentFileId || open.attachment !== tree) return NtStatus.FileClosed;
  request.open = open;
  open.used();
  return enterChannelSequence(request, open) ? NtStatus.Success : NtStatus.FileNotAvailable;
}
