/** File attributes, MS-FSCC 2.6. */
export const FileAttributes = {
  ReadOnly: 0x00000001,
  Hidden: 0x00000002,
  System: 0x00000004,
  Directory: 0x00000010,
  Archive: 0x00000020,
  Normal: 0x00000080,
  Temporary: 0x00000100,
  SparseFile: 0x00000200,
  ReparsePoint: 0x00000400,
  Compressed: 0x00000800,
  Offline: 0x00001000,
  NotContentIndexed: 0x00002000,
  Encrypted: 0x00004000,
  IntegrityStream: 0x00008000,
  NoScrubData: 0x00020000,
  RecallOnOpen: 0x00040000,
  Pinned: 0x00080000,
  Unpinned: 0x00100000,
  RecallOnDataAccess: 0x00400000,
  StrictlySequential: 0x20000000, // Windows SDK, not MS-FSCC
} as const;

/** Every bit that a client may send in CREATE and SET_INFO. */
export const validFileAttributes: number = Object.values(FileAttributes).reduce((all, bit) => all | bit, 0);

/** The bits of CREATE and SET_INFO that a server without tiering and integrity streams keeps; it ignores the others, MS-FSA 2.1.5.1.1 and 2.1.5.15.2. */
export const settableFileAttributes: number =
  FileAttributes.ReadOnly |
  FileAttributes.Hidden |
  FileAttributes.System |
  FileAttributes.Archive |
  FileAttributes.Temporary |
  FileAttributes.Offline |
  FileAttributes.NotContentIndexed;
