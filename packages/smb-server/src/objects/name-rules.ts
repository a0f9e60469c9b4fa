import { FileAttributes, NtStatus } from '@ring3/smb-proto';
import { type ParsedPath, parsePath } from '../values/paths.ts';
import { createVeto } from '../values/veto.ts';

/** The options of a share that are about names. */
export interface NameOptions {
  /** Entries whose name begins with a dot are shown as hidden (FILE_ATTRIBUTE_HIDDEN). Default: as stored. */
  readonly hideDotFiles?: boolean;
  /** Names, with `*` and `?`, without regard to case: such entries are shown as hidden. Default: as stored. */
  readonly hide?: readonly string[];
  /** Names, with `*` and `?`, without regard to case: such entries are neither shown nor opened nor made. */
  readonly veto?: readonly string[];
  /** Whether files have named streams, if the store supports them. Default: yes. */
  readonly streams?: boolean;
  /** Entries have short (8.3) names too, which are generated from their names. MS-FSCC 2.1.5.2.1. Default: no. */
  readonly shortNames?: boolean;
  /** Listings leave out the entries that the user may not read: Share.DoAccessBasedDirectoryEnumeration, MS-SMB2 3.3.1.6. Default: no. */
  readonly accessBasedEnumeration?: boolean;
}

/** The rules of a share for names, in addition to those of its store. Names of entries are in the store's spelling. */
export class NameRules {
  /** Whether entries of this name are vetoed: neither shown nor opened nor made. Undefined if no name is vetoed. */
  readonly vetoed: ((name: string) => boolean) | undefined;
  /** Whether files have named streams, if the store supports them. */
  readonly streams: boolean;
  /** Whether entries have generated short names. */
  readonly shortNames: boolean;
  /** Whether listings leave out the entries that the user may not read. */
  readonly accessBased: boolean;
  readonly #hidden: ((name: string) => boolean) | undefined;

  /** @throws RangeError for an invalid pattern */
  constructor({
    veto = [],
    streams = true,
    shortNames = false,
    hideDotFiles = false,
    hide = [],
    accessBasedEnumeration = false,
  }: NameOptions = {}) {
    this.vetoed = veto.length === 0 ? undefined : createVeto(veto);
    this.streams = streams;
    this.shortNames = shortNames;
    this.accessBased = accessBasedEnumeration;
    const hidden = hideDotFiles ? [...hide, '.*'] : hide;
    this.#hidden = hidden.length === 0 ? undefined : createVeto(hidden);
  }

  /** Splits a path. Without streams, a colon is not allowed in a name. @returns the status for an invalid path */
  parse(path: string): ParsedPath | NtStatus {
    return !this.streams && path.includes(':') ? NtStatus.ObjectNameInvalid : parsePath(path);
  }

  /** FileAttributes that an entry has only because of its name. */
  attributesOf(name: string): number {
    return this.#hidden?.(name) === true && name !== '.' && name !== '..' ? FileAttributes.Hidden : 0;
  }

  /**
   * The attributes of a client that are stored: those that the name gives keep their stored value, so that a client that writes back what
   * it read changes nothing, and the entry does not keep them under another name.
   */
  attributesToKeep(name: string, asked: number, kept: number): number {
    const own = this.attributesOf(name);
    return (asked & ~own) | (kept & own);
  }
}
