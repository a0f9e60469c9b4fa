import { andThen, type MaybePromise, nextTurn, runSteps, type Steps, Turn, wait } from '@ring3/kit';
import {
  AccessMask,
  DirectoryBuffer,
  type DirectoryEntry,
  type DirectoryInformationClass,
  directoryInformation,
  FileInformationClass,
  isDirectoryInformationClass,
  NtStatus,
  QueryDirectoryFlags,
  QueryDirectoryRequest,
  QueryDirectoryResponse,
} from '@ring3/smb-proto';
import { isCode, type VfsCode } from '@ring3/vfs';
import { DirectoryCursor } from '../../objects/cursor.ts';
import { readingHeld, UserSet } from '../../objects/noting.ts';
import { type ContextOf, command } from '../../request/command.ts';
import { statusOf } from '../../values/status-map.ts';
import { nextEntry } from './entries.ts';

type Answer = { buffer: Uint8Array[] } | NtStatus;
/** Links that are followed for one response: each costs an open, and other clients have their turn in between. */
const maxFollowed = 64;
/** Maximum size of a response: little at first, since most directories are small; more if the client continues. */
const firstAnswer = 64 * 1024;
const laterAnswer = 1024 * 1024;

/** QUERY_DIRECTORY, MS-SMB2 3.3.5.18. */
export const queryDirectory = command({
  needs: 'open',
  request: QueryDirectoryRequest,
  response: QueryDirectoryResponse,
  expects: ({ outputBufferLength }) => outputBufferLength,
  handle(ctx, request): MaybePromise<Answer> {
    const { open, connection } = ctx;
    const { fileInformationClass, outputBufferLength } = request;
    if (!isDirectoryInformationClass(fileInformationClass)) return NtStatus.InvalidInfoClass;
    if (outputBufferLength > connection.negotiated.maxTransact) return NtStatus.InvalidParameter;
    if (open.handle?.kind !== 'folder') return NtStatus.InvalidParameter;
    if (!open.may(AccessMask.FileListDirectory)) return NtStatus.AccessDenied;
    if (outputBufferLength < directoryInformation[fileInformationClass].fixed.byteLength) return NtStatus.InfoLengthMismatch;
    const work = (): MaybePromise<Answer> => {
      const running = open.cursor?.running;
      if (running !== undefined) return running.then(work, work); // of several that wait, only one continues
      const cursor = cursorFor(ctx, request);
      return typeof cursor === 'number' ? cursor : keepRunning(cursor, list(ctx, request, cursor, fileInformationClass));
    };
    return work();
  },
});

function list(
  ctx: ContextOf<'open'>,
  request: QueryDirectoryRequest,
  cursor: DirectoryCursor,
  informationClass: DirectoryInformationClass,
): MaybePromise<Answer> {
  const filling = (): MaybePromise<Answer> => runSteps(fill(ctx, request, cursor, informationClass));
  if ((ctx.open.userSet & UserSet.AccessTime) === 0) return filling();
  return andThen(runSteps(readingHeld<Answer>(ctx.open, filling)), (answer) => (isCode(answer) ? statusOf(answer) : answer));
}

/** Two requests never move one cursor at the same time. */
function keepRunning(cursor: DirectoryCursor, answer: MaybePromise<Answer>): MaybePromise<Answer> {
  if (!(answer instanceof Promise)) return answer;
  cursor.running = answer;
  return answer.finally(() => {
    if (cursor.running === answer) cursor.running = undefined;
  });
}

/** The cursor to continue with; a new one if the client starts over. */
function cursorFor({ open }: ContextOf<'open'>, { flags, fileName }: QueryDirectoryRequest): DirectoryCursor | NtStatus {
  const { cursor } = open;
  const reopen = (flags & QueryDirectoryFlags.Reopen) !== 0;
  const restart = (flags & QueryDirectoryFlags.RestartScans) !== 0;
  if (cursor !== undefined && !reopen && !restart) return cursor;
  const pattern = fileName !== '' ? fileName : reopen ? '' : (cursor?.pattern ?? '');
  if (/[\\/:]/.test(pattern)) return NtStatus.ObjectNameInvalid;
  if (pattern === '') return NtStatus.InvalidParameter;
  open.cursor = new DirectoryCursor(pattern);
  return open.cursor;
}

/** Fills one response from the cursor. An entry that does not fit stays for the next one. */
function* fill(
  ctx: ContextOf<'open'>,
  { flags, outputBufferLength }: QueryDirectoryRequest,
  cursor: DirectoryCursor,
  informationClass: DirectoryInformationClass,
): Steps<Answer> {
  const single = (flags & QueryDirectoryFlags.ReturnSingleEntry) !== 0;
  const first = !cursor.returned;
  const limit = single ? 1024 : first ? firstAnswer : laterAnswer;
  const buffer = new DirectoryBuffer(informationClass, Math.min(outputBufferLength, limit));
  const want = {
    stat: informationClass !== FileInformationClass.Names,
    longIds: informationClass === FileInformationClass.IdExtdDirectory,
    names: ctx.tree.share.names,
    tree: ctx.tree,
  };
  cursor.followed = 0;
  const turn = new Turn();
  for (;;) {
    if (turn.over) {
      yield* wait(nextTurn());
      turn.begin();
    }
    const ready = nextEntry(ctx.open, cursor, want);
    const entry: DirectoryEntry | VfsCode | undefined = ready instanceof Promise ? yield* wait(ready) : ready;
    if (isCode(entry)) return statusOf(entry);
    if (entry === undefined || !buffer.add(entry)) {
      if (buffer.length > 0) break;
      if (entry !== undefined) return NtStatus.BufferOverflow;
      return first ? NtStatus.NoSuchFile : NtStatus.NoMoreFiles;
    }
    cursor.returned = true;
    advance(cursor);
    if (single || cursor.followed >= maxFollowed) break;
  }
  return { buffer: [buffer.bytes] };
}

/** The entry that `nextEntry` returned was written. */
function advance(cursor: DirectoryCursor): void {
  if (cursor.dots < 2) cursor.dots++;
  else cursor.at++;
}
