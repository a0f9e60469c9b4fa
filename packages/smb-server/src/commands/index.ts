import { Command, headerLength } from '@ring3/smb-proto';
import type { AnyCommand, Variants } from '../request/command.ts';
import type { Request } from '../request/request.ts';
import { cancel } from './cancel.ts';
import { changeNotify } from './change-notify.ts';
import { close } from './close.ts';
import { create } from './create/index.ts';
import { echo } from './echo.ts';
import { flush } from './flush.ts';
import { ioctl } from './ioctl/index.ts';
import { lock } from './lock.ts';
import { logoff } from './logoff.ts';
import { negotiate } from './negotiate.ts';
import { oplockBreak } from './oplock-break.ts';
import { queryDirectory } from './query-directory/index.ts';
import { queryInfo } from './query-info/index.ts';
import { read } from './read.ts';
import { sessionSetup } from './session-setup.ts';
import { setInfo } from './set-info/index.ts';
import { treeConnect } from './tree-connect.ts';
import { treeDisconnect } from './tree-disconnect.ts';
import { write } from './write.ts';

/** The command table, MS-SMB2 3.3.5: a missing command does not compile. */
const commands: Readonly<Record<Command, AnyCommand | Variants>> = {
  [Command.Negotiate]: negotiate,
  [Command.SessionSetup]: sessionSetup,
  [Command.Logoff]: logoff,
  [Command.TreeConnect]: treeConnect,
  [Command.TreeDisconnect]: treeDisconnect,
  [Command.Create]: create,
  [Command.Close]: close,
  [Command.Flush]: flush,
  [Command.Read]: read,
  [Command.Write]: write,
  [Command.Lock]: lock,
  [Command.Ioctl]: ioctl,
  [Command.Cancel]: cancel,
  [Command.Echo]: echo,
  [Command.QueryDirectory]: queryDirectory,
  [Command.ChangeNotify]: changeNotify,
  [Command.QueryInfo]: queryInfo,
  [Command.SetInfo]: setInfo,
  [Command.OplockBreak]: oplockBreak,
};

/** The row of a request; of a command with several forms, that of its StructureSize. @returns undefined if it does not exist */
export function rowOf({ header, frame, at, length }: Request): AnyCommand | undefined {
  const row: AnyCommand | Variants | undefined = commands[header.command as Command];
  if (row === undefined || !('byStructureSize' in row)) return row;
  return length < headerLength + 2 ? undefined : row.byStructureSize[frame.view.getUint16(at + headerLength, true)];
}
