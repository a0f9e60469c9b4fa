import { CompletionFilter, FileNotifyInformation, fileNotifications, NotifyAction } from '@ring3/smb-proto';
import { type Change, type DescriptionField, toWireName } from '@ring3/vfs';
import { Frame } from '@ring3/wire';

/** One entry of a response, MS-FSCC 2.7.1. */
export interface NotifyEntry {
  readonly action: NotifyAction;
  readonly fileName: string;
}

const dataChanges = CompletionFilter.Size | CompletionFilter.LastWrite | CompletionFilter.StreamSize | CompletionFilter.StreamWrite;
/** The bit of each part of the metadata; the change time has none. */
const fieldBits: Readonly<Record<DescriptionField, number>> = {
  attributes: CompletionFilter.Attributes,
  birth: CompletionFilter.Creation,
  modified: CompletionFilter.LastWrite,
  accessed: CompletionFilter.LastAccess,
  changed: 0,
  xattr: CompletionFilter.Ea,
  descriptor: CompletionFilter.Security,
};
const bitsOf = (fields: readonly DescriptionField[]): number => fields.reduce((bits, field) => bits | fieldBits[field], 0);
const descriptionChanges = Object.values(fieldBits).reduce((bits, bit) => bits | bit);

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
  if (change.what === 'description') return change.fields === undefined ? descriptionChanges : bitsOf(change.fields);
  return change.kind === 'folder' ? CompletionFilter.DirName : CompletionFilter.FileName;
}

const nameOf = (path: readonly string[]): string => path.map(toWireName).join('\\');
const folderOf = (path: readonly string[]): string => nameOf(path.slice(0, -1));

/** A rename is reported as a modification to clients that do not ask for names. */
const renamedFile = CompletionFilter.Attributes | CompletionFilter.Creation;

/** Filters a change by the share's vetoed names: renaming to one appears as a removal, from one as an addition. */
export function shownChange(change: Change, vetoed: (name: string) => boolean): Change | undefined {
  if (change.what === 'overflow') return change;
  const { kind, path } = change;
  const there = !path.some(vetoed);
  if (change.what !== 'renamed') return there ? change : undefined;
  const was = !change.from.some(vetoed);
  if (was) return there ? change : { what: 'removed', kind, path: change.from };
  return there ? { what: 'added', kind, path } : undefined;
}

/**
 * The entries of a change for a client; empty if its filter does not select it. A rename across directories is a removal and an addition.
 */
export function entriesOf(change: Exclude<Change, { what: 'overflow' }>, completionFilter: number): readonly NotifyEntry[] {
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
export const lengthOf = ({ fileName }: NotifyEntry): number => FileNotifyInformation.fixed.byteLength + fileName.length * 2;

/** The buffer of a CHANGE_NOTIFY response. */
export function encodeEntries(entries: readonly NotifyEntry[]): Uint8Array {
  const frame = Frame.alloc(fileNotifications.size([...entries]));
  fileNotifications.write(frame, 0, [...entries]);
  return frame.bytes;
}
