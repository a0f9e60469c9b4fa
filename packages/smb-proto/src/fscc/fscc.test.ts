import { deepStrictEqual, ok, strictEqual, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { type Codec, DecodeError, encode, Frame } from '@ring3/wire';
import { checkDeclaration, drawFrom, isDeclaration } from '@ring3/wire/testing';
import * as fscc from './index.ts';
import { DirectoryBuffer, directoryInformation, FileInformationClass } from './index.ts';

for (const [name, declaration] of Object.entries(fscc)) {
  if (isDeclaration(declaration)) test(`${name} survives the round trip and every truncation`, () => checkDeclaration(declaration));
}

test('the fixed parts have the sizes of MS-FSCC', () => {
  const sizes: Record<string, number> = {
    FileBasicInformation: 40,
    FileStandardInformation: 24,
    FileNetworkOpenInformation: 56,
    FileCompressionInformation: 16,
    FileAttributeTagInformation: 8,
    FileIdInformation: 24,
    FilePipeLocalInformation: 40,
    FileFsSizeInformation: 24,
    FileFsFullSizeInformation: 32,
    FileFsControlInformation: 48,
    FileFsObjectIdInformation: 64,
    FileFsSectorSizeInformation: 28,
    FileObjectIdBuffer: 64,
    DuplicateExtentsData: 40,
    DuplicateExtentsDataEx: 56,
    FileRegionInput: 24,
  };
  for (const [name, size] of Object.entries(sizes))
    strictEqual((fscc as unknown as Record<string, { byteLength: number }>)[name]?.byteLength, size, name);
  const fixed: Record<string, number> = {
    FileAllInformation: 100,
    FileRenameInformation: 20,
    FileDirectoryInformation: 64,
    FileFullDirectoryInformation: 68,
    FileIdFullDirectoryInformation: 80,
    FileBothDirectoryInformation: 94,
    FileIdBothDirectoryInformation: 104,
    FileIdExtdDirectoryInformation: 88,
    FileIdGlobalTxDirectoryInformation: 92,
    FileNamesInformation: 12,
    FileStreamInformation: 24,
    FileFsVolumeInformation: 18,
    FileFsAttributeInformation: 12,
    FileNotifyInformation: 12,
    PipeWaitRequest: 14,
  };
  for (const [name, size] of Object.entries(fixed)) {
    strictEqual((fscc as unknown as Record<string, { fixed: { byteLength: number } }>)[name]?.fixed.byteLength, size, name);
  }
});

for (const [name, codec] of Object.entries({
  fullEas: fscc.fullEas,
  getEas: fscc.getEas,
  fileStreams: fscc.fileStreams,
  fileNotifications: fscc.fileNotifications,
  SymbolicLinkReparseData: fscc.SymbolicLinkReparseData,
})) {
  test(`${name} survives the round trip, and a truncation is a DecodeError or less`, () => {
    const any = codec as Codec<unknown>;
    for (let seed = 1; seed <= 30; seed++) {
      const value = any.random(drawFrom(seed * 31));
      const bytes = encode(any, value, Frame.alloc);
      deepStrictEqual(any.read(new Frame(bytes), 0, bytes.length), value);
      for (let length = 0; length < bytes.length; length++) {
        try {
          any.read(new Frame(bytes.slice(0, length)), 0, length);
        } catch (error) {
          ok(error instanceof DecodeError, String(error));
        }
      }
    }
  });
}

const entry = (fileName: string): fscc.DirectoryEntry => ({
  fileName,
  creationTime: 1n,
  lastAccessTime: 2n,
  lastWriteTime: 3n,
  changeTime: 4n,
  endOfFile: 5n,
  allocationSize: 4096n,
  fileAttributes: fscc.FileAttributes.Archive,
  eaSize: 0,
  reparsePointTag: 0,
  fileId: 99n,
  fileId128: new Uint8Array(16).fill(9),
});

for (const [number, declaration] of Object.entries(directoryInformation)) {
  test(`a directory buffer of class ${number} reads back, entries 8-aligned and the last without a distance (MS-FSCC 2.4)`, () => {
    const buffer = new DirectoryBuffer(Number(number) as fscc.DirectoryInformationClass, 4096);
    const names = ['.', '..', 'a', 'lange Datei 😀.txt'];
    for (const name of names) strictEqual(buffer.add(entry(name)), true);
    const frame = new Frame(buffer.bytes);
    const found: string[] = [];
    for (let at = 0, next = -1; next !== 0; at += next) {
      strictEqual(at % 8, 0);
      next = frame.view.getUint32(at, true);
      const value = declaration.read(frame, at, (next === 0 ? frame.length - at : next) as number) as fscc.ReadDirectoryEntry;
      found.push(value.fileName);
      if ('lastWriteTime' in value) strictEqual(value.lastWriteTime, 3n);
      if ('fileId' in value) strictEqual(value.fileId, 99n);
    }
    deepStrictEqual(found, names);
  });
}

test('an entry that does not fit leaves the buffer unchanged (MS-SMB2 3.3.5.18)', () => {
  const buffer = new DirectoryBuffer(FileInformationClass.IdBothDirectory, 110);
  strictEqual(buffer.add(entry('abc')), true);
  const before = Buffer.from(buffer.bytes);
  strictEqual(buffer.add(entry('d')), false);
  deepStrictEqual(Buffer.from(buffer.bytes), before);
  strictEqual(new DirectoryBuffer(FileInformationClass.Names, 10).add(entry('a')), false);
});

test('an EA whose name holds a NUL, or is not ended by one, is malformed (MS-FSCC 2.4.15)', () => {
  const one = encode(fscc.fullEas, [{ flags: 0, eaName: 'ABC', eaValue: Uint8Array.of(1, 2) }], Frame.alloc);
  for (const at of [9, 11]) {
    const changed = one.slice();
    changed[at] = at === 9 ? 0 : 65;
    throws(() => fscc.fullEas.read(new Frame(changed), 0, changed.length), DecodeError);
  }
  strictEqual(fscc.eaSizeOf([]), 0);
  strictEqual(fscc.eaSizeOf([{ flags: 0, eaName: 'ABC', eaValue: Uint8Array.of(1, 2) }]), 14);
});

test('a symbolic link survives the round trip through a reparse buffer, and other tags are not links (MS-FSCC 2.1.2.4)', () => {
  const link = { substituteName: '..\\target', printName: '..\\target', relative: true };
  const bytes = fscc.encodeSymbolicLink(link);
  const buffer = fscc.ReparseDataBuffer.read(new Frame(bytes), 0);
  strictEqual(buffer.reparseTag, fscc.ReparseTag.Symlink);
  deepStrictEqual(fscc.decodeSymbolicLink(buffer), link);
  strictEqual(fscc.decodeSymbolicLink({ ...buffer, reparseTag: fscc.ReparseTag.Nfs }), undefined);
});
