import { andThen } from '@ring3/kit';
import { NtStatus, OplockBreak, OplockLevel } from '@ring3/smb-proto';
import { nameOf } from '@ring3/wire';
import { command } from '../command.ts';
import { fieldsOf } from '../debug.ts';
import type { HeldLevel } from '../file-state/index.ts';

const levels: Readonly<Record<number, HeldLevel | 'none'>> = {
  [OplockLevel.None]: 'none',
  [OplockLevel.Ii]: 'levelII',
  [OplockLevel.Exclusive]: 'exclusive',
  [OplockLevel.Batch]: 'batch',
};

/** OPLOCK_BREAK Acknowledgment, MS-SMB2 3.3.5.22.1. An answer that is not allowed ends the oplock, and fails. */
export const oplockBreak = command({
  needs: 'open',
  request: OplockBreak,
  response: OplockBreak,
  handle({ open, tree, server }, { oplockLevel }) {
    const { handle, persistentFileId, volatileFileId } = open;
    if (handle === undefined) return NtStatus.InvalidOplockProtocol;
    const level = levels[oplockLevel];
    const input = { kind: 'acknowledge', openId: volatileFileId, level: level ?? 'batch' } as const;
    return andThen(tree.fileState.submit(handle.fileId, input), (status) => {
      if (server.debug.on.oplock) {
        server.debug.say('oplock', 'acknowledged', { ...fieldsOf(open), level: input.level, status: nameOf(NtStatus, status) });
      }
      if (status !== NtStatus.Success) return level === undefined ? NtStatus.InvalidParameter : status;
      return { oplockLevel, persistentFileId, volatileFileId };
    });
  },
});
