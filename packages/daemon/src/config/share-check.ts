import { dirname } from 'node:path';
import { folderFault, isAbsent, realPath } from '../places.ts';
import type { ShareConfiguration } from './share-keys.ts';

/** Checks shares one after the other: whether each can be offered together with the previous ones. */
export class ShareCheck {
  readonly #byName = new Map<string, ShareConfiguration>();
  readonly #byFolder = new Map<string, ShareConfiguration>();

  /** @param shares those that are offered already */
  constructor(shares: readonly ShareConfiguration[] = []) {
    for (const share of shares) this.fault(share);
  }

  /**
   * @param mayBeAbsent whether its directory may be missing now; the share is offered when the directory appears
   * @returns why it cannot be offered; undefined if it is accepted
   */
  fault(share: ShareConfiguration, mayBeAbsent = false): string | undefined {
    const name = share.name.toUpperCase();
    const before = this.#byName.get(name);
    if (before !== undefined) return `share ${before.name} exists already: ${before.at}`;
    const fault = share.path === undefined ? undefined : this.#folderFault(share, share.path, mayBeAbsent);
    if (fault === undefined) this.#byName.set(name, share);
    return fault;
  }

  #folderFault(share: ShareConfiguration, path: string, mayBeAbsent: boolean): string | undefined {
    const fault = mayBeAbsent && isAbsent(path) ? undefined : folderFault(path);
    if (fault !== undefined) return fault;
    // one store serves a directory, so that clients of all its shares see one state of its files
    const folder = realPath(path);
    const other = this.#byFolder.get(folder);
    if (other === undefined) this.#byFolder.set(folder, share);
    return other === undefined || modesOf(other) === modesOf(share)
      ? undefined
      : `share ${other.name} has the same directory with other modes: file-mode and folder-mode must be the same`;
  }
}

const modesOf = ({ 'file-mode': file, 'folder-mode': folder }: ShareConfiguration): string => `${file} ${folder}`;

/** Warns of shares whose directory does not exist now: a disk that is mounted later, or a wrong path. */
export const absentShares = (shares: readonly ShareConfiguration[]): string[] =>
  shares.flatMap(({ name, path, at }) =>
    path !== undefined && isAbsent(path) ? [`${at}: share ${name} is offered when there is a directory ${path}: there is none now`] : [],
  );

/** Warns of a share whose directory is inside that of another share: they have separate stores, which do not share locks and oplocks. */
export function nestedShares(shares: readonly ShareConfiguration[]): string[] {
  const byFolder = new Map<string, ShareConfiguration>();
  for (const share of shares) if (share.path !== undefined) byFolder.set(realPath(share.path), share);
  return [...byFolder].flatMap(([folder, { name, at }]) => {
    const outer = foldersAbove(folder).find((above) => byFolder.has(above));
    if (outer === undefined) return [];
    const other = byFolder.get(outer)?.name;
    return [`${at}: share ${name} is inside share ${other}: clients of one do not see the locks and caches of the other's clients`];
  });
}

/** The directories above a path, the nearest first. */
function foldersAbove(path: string): string[] {
  const above = dirname(path);
  return above === path ? [] : [above, ...foldersAbove(above)];
}
