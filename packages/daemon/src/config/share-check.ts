import { realpathSync } from 'node:fs';
import { folderFault } from '../places.ts';
import type { ShareConfiguration } from './share-keys.ts';

/** Looks at shares one after the other: whether each can be offered beside those before it. */
export class ShareCheck {
  readonly #byName = new Map<string, ShareConfiguration>();
  readonly #byFolder = new Map<string, ShareConfiguration>();

  /** @param shares those that are offered already */
  constructor(shares: readonly ShareConfiguration[] = []) {
    for (const share of shares) this.fault(share);
  }

  /** @returns why it cannot be offered, or undefined where it is from now on */
  fault(share: ShareConfiguration): string | undefined {
    const name = share.name.toUpperCase();
    const before = this.#byName.get(name);
    if (before !== undefined) return `there is a share ${before.name} already, by ${before.at}`;
    const fault = share.path === undefined ? undefined : this.#folderFault(share, share.path);
    if (fault === undefined) this.#byName.set(name, share);
    return fault;
  }

  #folderFault(share: ShareConfiguration, path: string): string | undefined {
    const fault = folderFault(path);
    if (fault !== undefined) return fault;
    // one store serves a folder, so that its clients see one state of its files, whichever share they come by
    const folder = realpathSync(path);
    const other = this.#byFolder.get(folder);
    if (other === undefined) this.#byFolder.set(folder, share);
    return other === undefined || modesOf(other) === modesOf(share)
      ? undefined
      : `share ${other.name} has the same folder with other modes: file-mode and folder-mode are one for a folder`;
  }
}

const modesOf = ({ 'file-mode': file, 'folder-mode': folder }: ShareConfiguration): string => `${file} ${folder}`;
