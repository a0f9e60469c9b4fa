import {
  bytes,
  Frame,
  flags,
  message,
  nextOffset,
  optional,
  part,
  reserved,
  type Struct,
  struct,
  type TypeOf,
  u8,
  u16,
  u32,
  u64,
  utf16Text,
} from '@ring3/wire';
import { FileAttributes } from './file-attributes.ts';
import { FileInformationClass } from './information-class.ts';

const fileName = { fileName: part({ length: 'fileNameLength' }, utf16Text) };
const begin = { nextEntryOffset: nextOffset, fileIndex: u32 };
const common = {
  ...begin,
  creationTime: u64,
  lastAccessTime: u64,
  lastWriteTime: u64,
  changeTime: u64,
  endOfFile: u64,
  allocationSize: u64,
  fileAttributes: flags(u32, FileAttributes),
  fileNameLength: u32,
};
const shortName = { shortNameLength: u8, reserved: reserved(u8), shortName: bytes(24) };

/** FileDirectoryInformation (1), MS-FSCC 2.4.10. */
export const FileDirectoryInformation = message('FileDirectoryInformation', struct('FileDirectoryInformation.fixed', common), fileName);
/** FileFullDirectoryInformation (2), MS-FSCC 2.4.14. `eaSize` holds the reparse tag if the entry is a reparse point. */
export const FileFullDirectoryInformation = message(
  'FileFullDirectoryInformation',
  struct('FileFullDirectoryInformation.fixed', { ...common, eaSize: u32 }),
  fileName,
);
/** FileIdFullDirectoryInformation (38), MS-FSCC 2.4.18. */
export const FileIdFullDirectoryInformation = message(
  'FileIdFullDirectoryInformation',
  struct('FileIdFullDirectoryInformation.fixed', { ...common, eaSize: u32, reserved: reserved(u32), fileId: u64 }),
  fileName,
);
/** FileBothDirectoryInformation (3), MS-FSCC 2.4.8. */
export const FileBothDirectoryInformation = message(
  'FileBothDirectoryInformation',
  struct('FileBothDirectoryInformation.fixed', { ...common, eaSize: u32, ...shortName }),
  fileName,
);
/** FileIdBothDirectoryInformation (37), MS-FSCC 2.4.17. */
export const FileIdBothDirectoryInformation = message(
  'FileIdBothDirectoryInformation',
  struct('FileIdBothDirectoryInformation.fixed', { ...common, eaSize: u32, ...shortName, reserved2: reserved(u16), fileId: u64 }),
  fileName,
);
/** FileIdExtdDirectoryInformation (60), MS-FSCC 2.4. */
export const FileIdExtdDirectoryInformation = message(
  'FileIdExtdDirectoryInformation',
  struct('FileIdExtdDirectoryInformation.fixed', { ...common, eaSize: u32, reparsePointTag: u32, fileId128: bytes(16) }),
  fileName,
);
/** FileIdGlobalTxDirectoryInformation (50), MS-FSCC 2.4.19: without transactions the last fields are zero. */
export const FileIdGlobalTxDirectoryInformation = message(
  'FileIdGlobalTxDirectoryInformation',
  struct('FileIdGlobalTxDirectoryInformation.fixed', {
    ...common,
    fileId: u64,
    lockingTransactionId: optional(bytes(16), new Uint8Array(16)),
    txInfoFlags: reserved(u32),
  }),
  fileName,
);
/** FileNamesInformation (12), MS-FSCC 2.4. */
export const FileNamesInformation = message(
  'FileNamesInformation',
  struct('FileNamesInformation.fixed', { ...begin, fileNameLength: u32 }),
  fileName,
);

/** The information classes of QUERY_DIRECTORY. */
export const directoryInformation = {
  [FileInformationClass.Directory]: FileDirectoryInformation,
  [FileInformationClass.FullDirectory]: FileFullDirectoryInformation,
  [FileInformationClass.IdFullDirectory]: FileIdFullDirectoryInformation,
  [FileInformationClass.BothDirectory]: FileBothDirectoryInformation,
  [FileInformationClass.IdBothDirectory]: FileIdBothDirectoryInformation,
  [FileInformationClass.IdExtdDirectory]: FileIdExtdDirectoryInformation,
  [FileInformationClass.IdGlobalTxDirectory]: FileIdGlobalTxDirectoryInformation,
  [FileInformationClass.Names]: FileNamesInformation,
} as const;
/** An information class of QUERY_DIRECTORY. */
export type DirectoryInformationClass = keyof typeof directoryInformation;
export const isDirectoryInformationClass = (value: number): value is DirectoryInformationClass => value in directoryInformation;

/** The source of the fields of every directory information class. Times are FILETIMEs. */
export interface DirectoryEntry {
  readonly fileName: string;
  readonly creationTime: bigint;
  readonly lastAccessTime: bigint;
  readonly lastWriteTime: bigint;
  readonly changeTime: bigint;
  readonly endOfFile: bigint;
  readonly allocationSize: bigint;
  readonly fileAttributes: number;
  /** Bytes of extended attributes, or the reparse tag of a reparse point. */
  readonly eaSize: number;
  readonly reparsePointTag: number;
  readonly fileId: bigint;
  /** The 128-bit id, 16 bytes. */
  readonly fileId128: Uint8Array;
  /** The short name, at most 12 characters; undefined if there is none. */
  readonly shortName?: string | undefined;
}

const noShortName = new Uint8Array(24);
const shortNameBytes = (name: string): Uint8Array => {
  const bytes = Buffer.alloc(24);
  bytes.write(name, 'utf16le');
  return bytes;
};
type FixedInput = Omit<DirectoryEntry, 'shortName'> & {
  fileIndex: number;
  fileNameLength: number;
  shortNameLength: number;
  shortName: Uint8Array;
};

/** Fills the buffer of a QUERY_DIRECTORY response entry by entry, MS-SMB2 3.3.5.18: entries 8-aligned, at most the requested number of bytes. */
export class DirectoryBuffer {
  readonly #fixed: Struct<Record<string, never>>;
  readonly #frame: Frame;
  #length = 0;
  #last = -1;

  /** @param limit the client's OutputBufferLength in bytes */
  constructor(informationClass: DirectoryInformationClass, limit: number) {
    this.#fixed = directoryInformation[informationClass].fixed as unknown as Struct<Record<string, never>>;
    this.#frame = Frame.alloc(limit);
  }

  /** Bytes filled so far. */
  get length(): number {
    return this.#length;
  }

  /** The filled part, as a view. */
  get bytes(): Uint8Array {
    return this.#frame.bytes.subarray(0, this.#length);
  }

  /** Appends an entry. @returns false if it does not fit; then nothing is written */
  add(entry: DirectoryEntry): boolean {
    const at = (this.#length + 7) & ~7;
    const nameAt = at + this.#fixed.byteLength;
    const fileNameLength = entry.fileName.length * 2;
    const end = nameAt + fileNameLength;
    if (end > this.#frame.bytes.length) return false;
    const { shortName } = entry;
    const short = shortName === undefined ? noShortName : shortNameBytes(shortName);
    const shortNameLength = (shortName?.length ?? 0) * 2;
    const input: FixedInput = { ...entry, fileIndex: 0, fileNameLength, shortNameLength, shortName: short };
    this.#fixed.write(this.#frame, at, input as never);
    utf16Text.write(this.#frame, nameAt, entry.fileName);
    if (this.#last >= 0) this.#frame.view.setUint32(this.#last, at - this.#last, true);
    this.#last = at;
    this.#length = end;
    return true;
  }
}

/** One entry of any class, as a client reads it. */
export type ReadDirectoryEntry = TypeOf<typeof FileNamesInformation> & Partial<DirectoryEntry>;
