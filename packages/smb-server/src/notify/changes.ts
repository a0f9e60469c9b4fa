import { CompletionFilter, FileNotifyInformation, fileNotifications, NotifyAction } from '@ring3/smb-proto';
import { type Change, toWireName } from '@ring3/vfs';
import { Frame } from '@ring3/wire';

/** One entry of what a client is told, MS-FSCC 2.7.1. */
export interface Told {
  readonly action: NotifyAction;
  readonly fileName: string;
}

const dataChanges = CompletionFilter.Size | CompletionFilter.LastWrite | CompletionFilter.StreamSize | CompletionFilter.StreamWrite;
const descriptionChanges =
  CompletionFilter.Attributes |
  CompletionFilter.LastWrite |
  CompletionFilter.LastAccess |
  CompletionFilter.Creation |
  CompletionFilter.Ea |
  CompletionFilter.Security;

const streamActions = {
  streamAdded: NotifyAction.AddedStream,
  streamRemoved: NotifyAction.RemovedStream,
  streamData: NotifyAction.ModifiedStream,
} as const;

/** The bits of CompletionFilter (MS-SMB2 2.2.35) that select a change; one is enough. */
function filterOf(change: Exclude<Change, { what: 'overflow' }>): number {
  if (change.what === 'streamData') return CompletionFilter.StreamSize | CompletionFilter.StreamWrite;
  if (change.what === 'streamAdded' || change.what === 'streamRemoved') return CompletionFilter.StreamName;
  if (change.what === 'data') return dataChanges;
  if (change.what === 'description') return descriptionChanges;
  return change.kind === 'folder' ? CompletionFilter.DirName : CompletionFilter.FileName;
}

const nameOf = (path: readonly string[]): string => path.map(toWireName).join('\\');
const folderOf = (path: readonly string[]): string => nameOf(path.slice(0, -1));

/** A file that gets another name is told as changed to those who do not ask for names. */
const renamedFile = CompletionFilter.Attributes | CompletionFilter.Creation;

/** What of a change those see for whom some names are not there: one that gets such a name goes, one that loses it comes. */
export function shownChange(change: Change, vetoed: (name: string) => boolean): Change | undefined {
  if (change.what === 'overflow') return change;
  const { kind, path } = change;
  const there = !path.some(vetoed);
  if (change.what !== 'renamed') return there ? change : undefined;
  const was = !change.from.some(vetoed);
  if (was) return there ? change : { what: 'removed', kind, path: change.from };
  return there ? { what: 'added', kind, path } : undefined;
}

/** A change as a client is told of it; nothing where its filter does not ask. A renaming across folders is a removal and an addition. */
export function tellChange(change: Exclude<Change, { what: 'overflow' }>, completionFilter: number): readonly Told[] {
  const fileName = nameOf(change.path);
  if ((filterOf(change) & completionFilter) === 0) {
    const asChange = change.what === 'renamed' && change.kind !== 'folder' && (completionFilter & renamedFile) !== 0;
    return asChange ? [{ action: NotifyAction.Modified, fileName }] : [];
  }
  switch (change.what) {
    case 'added':
      return [{ action: NotifyAction.Added, fileName }];
    case 'removed':
      return [{ action: NotifyAction.Removed, fileName }];
    case 'renamed': {
      const within = folderOf(change.from) === folderOf(change.path);
      return [
        { action: within ? NotifyAction.RenamedOldName : NotifyAction.Removed, fileName: nameOf(change.from) },
        { action: within ? NotifyAction.RenamedNewName : NotifyAction.Added, fileName },
      ];
    }
    case 'streamAdded':
    case 'streamRemoved':
    case 'streamData':
      return [{ action: streamActions[change.what], fileName: `${fileName}:${change.stream}` }];
    default:
      return [{ action: NotifyAction.Modified, fileName }];
  }
}

/** Bytes of one entry, without what aligns the next one to four. */
export const lengthOf = ({ fileName }: Told): number => FileNotifyInformation.fixed.byteLength + fileName.length * 2;

/** The buffer of a CHANGE_NOTIFY response. */
export function encodeTold(told: readonly Told[]): Uint8Array {
  const frame = Frame.alloc(fileNotifications.size([...told]));
  fileNotifications.write(frame, 0, [...told]);
  return frame.bytes;
}
