import { join } from 'node:path';
import { andThen, isPromise } from '@ring3/kit';
import { Errno, setTimes, stat } from '@ring3/linux';
import { type Answer, type Handle, isCode, type StreamChange, type StreamHow, type VfsCode } from '@ring3/vfs';
import type { Entry } from './entry.ts';
import type { EntryTree } from './entry-tree.ts';
import { errorCode } from './error-code.ts';
import { KeptValues } from './kept-values.ts';
import { Notifications } from './notifications.ts';
import { scratch } from './scratch.ts';
import { Sidecar } from './sidecar.ts';
import type { Stream } from './stream.ts';
import { streamFault } from './stream-fault.ts';
import { checkStreamName } from './stream-name.ts';
import { StreamPlace } from './stream-place.ts';
import { Streams } from './streams.ts';
import { TemporaryNames } from './temporary-names.ts';

/** The entries of one store, with their values, streams and watches: the handles of a store have it in common. */
export abstract class EntryStore {
  readonly tree: EntryTree;
  readonly kept: KeptValues;
  readonly streamPlace: StreamPlace;
  readonly notifications: Notifications;
  readonly temporaryNames: TemporaryNames;
  closed = false;
  readonly #sidecar: Sidecar;

  /** @param state the state directory. @throws VfsError if it is damaged */
  constructor(tree: EntryTree, state: string) {
    this.#sidecar = new Sidecar(state);
    this.#sidecar.load();
    this.tree = tree;
    this.kept = new KeptValues(this.#sidecar);
    this.temporaryNames = new TemporaryNames(this.#sidecar, tree);
    this.notifications = new Notifications();
    this.streamPlace = new StreamPlace(join(state, 'streams'), tree.devices);
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.notifications.close();
    this.#sidecar.close();
  }

  /**
   * Looks up a name in a directory and calls `next` in the same turn, so that no other operation of this store runs in between.
   * @param next receives the entry, which it does not hold; undefined if the name does not exist; or a code
   */
  withName<T>(directory: Entry, name: string, next: (existing: Entry | VfsCode | undefined) => Answer<T>, tries = 3): Answer<T> {
    const exact = this.tree.child(directory, name);
    if (typeof exact !== 'number') return this.#withEntry(exact, next);
    if (exact === -Errno.EACCES) return next('EEXIST'); // a kind that is never served
    if (exact !== -Errno.ENOENT) return next(errorCode(exact));
    const spelling = this.tree.names.lookup(directory, name);
    if (isPromise(spelling) && tries > 0) {
      directory.hold();
      return spelling.then(() => this.withName(directory, name, next, tries - 1)).finally(() => directory.release());
    }
    return andThen(spelling, (other) => {
      if (other === undefined) return next(undefined);
      const found = this.tree.child(directory, other);
      return typeof found === 'number' ? next(found === -Errno.ENOENT ? undefined : 'EEXIST') : this.#withEntry(found, next);
    });
  }

  /** Handles the removal of an entry's name: the last one also removes the streams and values of the inode. */
  handleUnlink(entry: Entry): void {
    const { inode } = entry;
    const left = stat(entry.fd, scratch) === 0 ? scratch.links : 0;
    if (left > 0 && inode.kind !== 'folder') return;
    inode.markUnlinked(scratch, () => {
      Streams.close(inode);
      if (!this.closed) this.kept.forget(inode);
    });
    const streamFiles = this.streamPlace.list(inode.fileId);
    if (!isCode(streamFiles) && streamFiles.length > 0) {
      const streams = Streams.of(this.streamPlace, this.kept, inode, { dir: entry.fd, name: '' });
      if (!isCode(streams)) streams.keepOpen();
      this.streamPlace.forget(inode.fileId, streamFiles);
    }
  }

  /** Handles a change of an entry's streams: updates the change time, because the host does not do so for values in the state directory. */
  changedStreams(entry: Entry, what: StreamChange['what'], stream: string): void {
    this.touch(entry);
    this.notifications.changedStream(entry, what, stream);
  }

  /** Updates the change time of an entry. */
  touch(entry: Entry): void {
    const own = entry.parent?.inode.ownChanges;
    own?.begin(entry.name);
    // with one time only, inotify would report a change of data
    if (stat(entry.fd, scratch) === 0) setTimes(entry.fd, scratch.accessed, scratch.modified);
    own?.end(entry.name);
  }

  /** Opens or creates a stream of an entry. Codes of `Handle.openStream`. */
  openStream(entry: Entry, streams: Streams, name: string, how: StreamHow): Handle | VfsCode {
    const isTemporary = how.disposition === 'temporary';
    const bad = (isTemporary ? undefined : checkStreamName(name)) ?? streamFault(entry, how.disposition === 'open' ? how.access : 'write');
    if (bad !== undefined) return bad;
    if (isTemporary) {
      const made = streams.createTemporary();
      return isCode(made) ? made : this.streamHandle(entry.hold(), streams, made);
    }
    const existing = streams.get(name);
    if (how.disposition === 'create') {
      if (existing !== undefined) return 'EEXIST';
      const made = streams.create(name);
      if (isCode(made)) return made;
      this.changedStreams(entry, 'streamAdded', name);
      return this.streamHandle(entry.hold(), streams, made);
    }
    return existing === undefined ? 'ENOENT' : this.streamHandle(entry.hold(), streams, existing);
  }

  /** Creates the handle of a stream, which takes ownership of the entry. */
  protected abstract streamHandle(entry: Entry, streams: Streams, stream: Stream): Handle;

  #withEntry<T>(entry: Entry, next: (existing: Entry) => Answer<T>): Answer<T> {
    const answer = next(entry);
    if (isPromise(answer)) return answer.finally(() => entry.release());
    entry.release();
    return answer;
  }
}
