import { type Codec, DecodeError, Frame, message, named, part, raw, reserved, struct, type TypeOf, u16, u32 } from '@ring3/wire';

/** Reparse tags, MS-FSCC 2.1.2.1. */
export const ReparseTag = {
  MountPoint: 0xa0000003,
  Symlink: 0xa000000c,
  Nfs: 0x80000014,
  Dedup: 0x80000013,
  AfUnix: 0x80000023,
  LxSymlink: 0xa000001d,
  LxFifo: 0x80000024,
  LxChr: 0x80000025,
  LxBlk: 0x80000026,
} as const;

/** REPARSE_DATA_BUFFER, MS-FSCC 2.1.2.2: the data of GET and SET_REPARSE_POINT. */
export const ReparseDataBuffer = message(
  'ReparseDataBuffer',
  struct('ReparseDataBuffer.fixed', { reparseTag: named<number>(u32, ReparseTag), reparseDataLength: u16, reserved: reserved(u16) }),
  { reparseData: part({ length: 'reparseDataLength' }, raw) },
);
export type ReparseDataBuffer = TypeOf<typeof ReparseDataBuffer>;

/** Maximum size of reparse data, MS-FSCC 2.1.2.2: 16 KiB including its header. */
export const maximumReparseDataLength = 16384 - 8;

/** SYMLINK_FLAG_RELATIVE, MS-FSCC 2.1.2.4. */
export const symlinkFlagRelative = 1;

/** Symbolic link data, MS-FSCC 2.1.2.4, after the header of the REPARSE_DATA_BUFFER. */
export interface SymbolicLinkReparse {
  /** The link's target, with backslashes: for an absolute link an NT path (`\??\C:\…`). */
  readonly substituteName: string;
  /** The target in the form shown to users. */
  readonly printName: string;
  readonly relative: boolean;
}

const linkFixed = struct('SymbolicLinkReparse.fixed', {
  substituteNameOffset: u16,
  substituteNameLength: u16,
  printNameOffset: u16,
  printNameLength: u16,
  flags: u32,
});

/** Symbolic link data, MS-FSCC 2.1.2.4; offsets count from the end of the fixed part. */
export const SymbolicLinkReparseData: Codec<SymbolicLinkReparse> = {
  read: (frame, at, length) => {
    const { substituteNameOffset, substituteNameLength, printNameOffset, printNameLength, flags } = linkFixed.read(frame, at);
    const buffer = at + linkFixed.byteLength;
    const name = (offset: number, bytes: number, field: string): string => {
      if (linkFixed.byteLength + offset + bytes > length || bytes % 2 !== 0) {
        throw new DecodeError('SymbolicLinkReparse', field, buffer + offset, `${bytes} bytes at ${offset} of ${length}`);
      }
      const view = frame.slice(buffer + offset, bytes, 'SymbolicLinkReparse', field);
      return Buffer.from(view.buffer, view.byteOffset, view.byteLength).toString('utf16le');
    };
    return {
      substituteName: name(substituteNameOffset, substituteNameLength, 'substituteName'),
      printName: name(printNameOffset, printNameLength, 'printName'),
      relative: (flags & symlinkFlagRelative) !== 0,
    };
  },
  size: ({ substituteName, printName }) => linkFixed.byteLength + (substituteName.length + printName.length) * 2,
  write: (frame, at, { substituteName, printName, relative }) => {
    const substituteNameLength = substituteName.length * 2;
    const printNameLength = printName.length * 2;
    linkFixed.write(frame, at, {
      substituteNameOffset: 0,
      substituteNameLength,
      printNameOffset: substituteNameLength,
      printNameLength,
      flags: relative ? symlinkFlagRelative : 0,
    });
    frame.bytes.set(Buffer.from(substituteName + printName, 'utf16le'), at + linkFixed.byteLength);
  },
  random: (draw) => ({ substituteName: `a\\${draw()}`, printName: `${draw()}`, relative: draw() % 2 === 0 }),
  print: ({ substituteName }) => JSON.stringify(substituteName),
};

/** A whole REPARSE_DATA_BUFFER of a symbolic link. */
export function encodeSymbolicLink(link: SymbolicLinkReparse): Uint8Array {
  const data = Frame.alloc(SymbolicLinkReparseData.size(link));
  SymbolicLinkReparseData.write(data, 0, link);
  return ReparseDataBuffer.encode({ reparseTag: ReparseTag.Symlink, reparseData: data.bytes }).head;
}

/** The link inside a REPARSE_DATA_BUFFER. @returns undefined if the tag is different @throws DecodeError if the data is malformed */
export function decodeSymbolicLink(buffer: ReparseDataBuffer): SymbolicLinkReparse | undefined {
  if (buffer.reparseTag !== ReparseTag.Symlink) return undefined;
  return SymbolicLinkReparseData.read(new Frame(buffer.reparseData), 0, buffer.reparseData.length);
}
