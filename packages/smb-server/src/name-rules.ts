import { FileAttributes, NtStatus } from '@ring3/smb-proto';
import { type ParsedPath, parsePath } from './paths.ts';
import type { ShareOptions } from './share.ts';
import { createVeto } from './veto.ts';

/** What a share makes of names, beside what its store does. Names of entries are the store's. */
export class NameRules {
  /** Whether entries of this name are not there for clients: neither shown nor opened nor made. Missing where no name is vetoed. */
  readonly vetoed: ((name: string) => boolean) | undefined;
  /** Whether files have named streams, where the store keeps them. */
  readonly streams: boolean;
  readonly #hideDotFiles: boolean;

  /** @throws RangeError for a veto that is no pattern of names */
  constructor({ veto = [], streams = true, hideDotFiles = false }: Pick<ShareOptions, 'veto' | 'streams' | 'hideDotFiles'> = {}) {
    this.vetoed = veto.length === 0 ? undefined : createVeto(veto);
    this.streams = streams;
    this.#hideDotFiles = hideDotFiles;
  }

  /** Takes a path apart. Without streams, a colon is no part of any name. @returns the status that the client gets for a path that cannot be */
  parse(path: string): ParsedPath | NtStatus {
    return !this.streams && path.includes(':') ? NtStatus.ObjectNameInvalid : parsePath(path);
  }

  /** FileAttributes that an entry has by its name alone. */
  attributesOf(name: string): number {
    return this.#hideDotFiles && name.startsWith('.') && name !== '.' && name !== '..' ? FileAttributes.Hidden : 0;
  }

  /**
   * What of the attributes that a client sets is kept: those that the name gives stay as they were kept, so that who writes back what was read changes
   * nothing, and the entry does not take them along when it gets another name.
   */
  attributesToKeep(name: string, asked: number, kept: number): number {
    const own = this.attributesOf(name);
    return (asked & ~own) | (kept & own);
  }
}
