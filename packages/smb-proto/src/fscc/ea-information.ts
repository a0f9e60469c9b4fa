import { type Codec, DecodeError, type Frame, linked } from '@ring3/wire';

/** FILE_NEED_EA, MS-FSCC 2.4.15: an application that does not understand the attribute must not use the file. */
export const needEa = 0x80;

/** One extended attribute, FileFullEaInformation (15), MS-FSCC 2.4.15. */
export interface FileFullEa {
  readonly flags: number;
  /** One byte a character, upper case by convention, 1 to 255 of them. */
  readonly eaName: string;
  /** At most 65,535 bytes; empty deletes the attribute. */
  readonly eaValue: Uint8Array;
}

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');

/** A name with its NUL. @throws DecodeError if the window ends before it or the NUL is missing */
function readName(frame: Frame, at: number, length: number, end: number, structure: string): string {
  if (at + length + 1 > end) throw new DecodeError(structure, 'eaName', at, `${length + 1} bytes wanted, ${end - at} there`);
  const name = latin1(frame.slice(at, length + 1, structure, 'eaName'));
  if (name.indexOf('\0') !== length) throw new DecodeError(structure, 'eaName', at, 'a name that its NUL does not end');
  return name.slice(0, length);
}
const randomName = (draw: () => number): string => `EA${(draw() % 100000).toString()}`;

const fullEaFixed = 8;
/** One element of FileFullEaInformation (15), MS-FSCC 2.4.15. */
export const FileFullEaInformation: Codec<FileFullEa> = {
  read: (frame, at, length) => {
    if (length < fullEaFixed) throw new DecodeError('FileFullEaInformation', 'flags', at, `${fullEaFixed} bytes wanted, ${length} there`);
    frame.slice(at, fullEaFixed, 'FileFullEaInformation', 'flags');
    const nameLength = frame.view.getUint8(at + 5);
    const valueLength = frame.view.getUint16(at + 6, true);
    const eaName = readName(frame, at + fullEaFixed, nameLength, at + length, 'FileFullEaInformation');
    const valueAt = at + fullEaFixed + nameLength + 1;
    if (valueAt + valueLength > at + length) {
      throw new DecodeError('FileFullEaInformation', 'eaValue', valueAt, `${valueLength} bytes wanted, ${at + length - valueAt} there`);
    }
    return { flags: frame.view.getUint8(at + 4), eaName, eaValue: frame.slice(valueAt, valueLength, 'FileFullEaInformation', 'eaValue') };
  },
  size: ({ eaName, eaValue }) => fullEaFixed + eaName.length + 1 + eaValue.length,
  write: (frame, at, { flags, eaName, eaValue }) => {
    frame.view.setUint8(at + 4, flags);
    frame.view.setUint8(at + 5, eaName.length);
    frame.view.setUint16(at + 6, eaValue.length, true);
    frame.bytes.set(Buffer.from(eaName, 'latin1'), at + fullEaFixed);
    frame.bytes.set(eaValue, at + fullEaFixed + eaName.length + 1);
  },
  random: (draw) => ({ flags: draw() & needEa, eaName: randomName(draw), eaValue: Uint8Array.from({ length: draw() % 20 }, () => draw()) }),
  print: ({ eaName, eaValue }) => `${eaName}=${Buffer.from(eaValue).toString('hex')}`,
};

const getEaFixed = 5;
/** One element of FileGetEaInformation, MS-FSCC 2.4.15.1: the name of a requested attribute. */
export const FileGetEaInformation: Codec<string> = {
  read: (frame, at, length) => {
    if (length < getEaFixed)
      throw new DecodeError('FileGetEaInformation', 'eaNameLength', at, `${getEaFixed} bytes wanted, ${length} there`);
    const nameLength = frame.slice(at + 4, 1, 'FileGetEaInformation', 'eaNameLength')[0]!;
    return readName(frame, at + getEaFixed, nameLength, at + length, 'FileGetEaInformation');
  },
  size: (name) => getEaFixed + name.length + 1,
  write: (frame, at, name) => {
    frame.view.setUint8(at + 4, name.length);
    frame.bytes.set(Buffer.from(name, 'latin1'), at + getEaFixed);
  },
  random: randomName,
  print: (name) => name,
};

/** All attributes of a file: elements 4-aligned. */
export const fullEas: Codec<FileFullEa[]> = linked(FileFullEaInformation, 4);
/** The names that a client requests. */
export const getEas: Codec<string[]> = linked(FileGetEaInformation, 4);

/** EaSize of a file with these attributes, MS-FSCC 2.4.12. */
export const eaSizeOf = (attributes: readonly FileFullEa[]): number => (attributes.length === 0 ? 0 : fullEas.size([...attributes]));
