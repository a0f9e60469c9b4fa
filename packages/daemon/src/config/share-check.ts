import { dirname } from 'node:path';
import { folderFault, isAbsent, realPath } from '../places.ts';
import type { ShareConfiguration } from './share-keys.ts';

/** Looks at shares one after the other: whether each can be offered beside those before it. */
export class ShareCheck {
  readonly #byName = new Map<string, ShareConfiguration>();
  readonly #byFolder = new Map<string, ShareConfiguration>();

  /** @param shares those that are offered already */
  constructor(shares: readonly ShareConfiguration[] = []) {
    for (const share of shares) this.fault(share);
  }

  /**
   * @param mayBeAbsent whether its directory may be missing now: it is offered when that is there
   * @returns why it cannot be offered; undefined if it is from now on
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
    // one store serves a folder, so that its clients see one state of its files, whichever share they come by
    const folder = realPath(path);
    const other = this.#byFolder.get(folder);
    if (other === undefined) this.#byFolder.set(folder, share);
    return other === undefined || modesOf(other) === modesOf(share)
      ? undefined
      : `share ${other.name} has the same directory with other modes: file-mode and folder-mode must be the same`;
  }
}

const modesOf = ({ 'file-mode': file, 'folder-mode': folder }: ShareConfiguration): string => `${file} ${folder}`;

/** Warns of shares whose directory is not there now: a disk that is mounted later, or a wrong path. */
export const absentShares = (shares: readonly ShareConfiguration[]): string[] =>
  shares.flatMap(({ name, path, at }) =>
    path !== undefined && isAbsent(path) ? [`${at}: share ${name} is offered when there is a directory ${path}: there is none now`] : [],
  );

/** Warns of shares whose folder lies inside of another's: each folder has a store of its own, which knows nothing of what the other's clients hold. */
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

/** The folders that a path lies in, the nearest first. */
function foldersAbove(path: string): string[] {
  const above = dirname(path);
  return above === path ? [] : [above, ...foldersAbove(above)];
}
