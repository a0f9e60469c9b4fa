/** The kind of an executable file: `foreign` is an ELF program of another machine or word size. */
export type ElfKind = 'dynamic' | 'static' | 'foreign' | 'none';

/** `e_machine`, System V ABI supplements. */
const machines: Readonly<Record<string, number>> = { x64: 62, arm64: 183 };
/** `p_type` of the segment that names the dynamic loader, elf(5). */
const PT_INTERP = 3;
const ET_EXEC = 2;
const ET_DYN = 3;

/**
 * Reads the header of an executable file, elf(5). Only a program that names a dynamic loader loads the shim.
 * @param start the first bytes of the file, with the program headers
 * @param arch Node's name of the machine
 */
export function elfKind(start: Uint8Array, arch: string = process.arch): ElfKind {
  if (start.length < 20 || start[0] !== 0x7f || start[1] !== 0x45 || start[2] !== 0x4c || start[3] !== 0x46) return 'none';
  const view = new DataView(start.buffer, start.byteOffset, start.length);
  const wordSize64 = start[4] === 2;
  const little = start[5] === 1;
  if (!wordSize64 || !little || view.getUint16(18, true) !== machines[arch]) return 'foreign';
  const type = view.getUint16(16, true);
  if ((type !== ET_EXEC && type !== ET_DYN) || start.length < 64) return 'none';
  const headersAt = Number(view.getBigUint64(32, true));
  const size = view.getUint16(54, true);
  const count = view.getUint16(56, true);
  if (size < 56) return 'none';
  for (let at = headersAt, i = 0; i < count && at + 4 <= start.length; i++, at += size) {
    if (view.getUint32(at, true) === PT_INTERP) return 'dynamic';
  }
  return 'static';
}

/** `p_type` of a segment of notes, elf(5). */
const PT_NOTE = 4;
/** Maximum bytes of notes that are read. */
const noteBytes = 4096;

/**
 * Whether a program was built by Go's compiler: it makes its system calls itself, so the shim does not see its sockets. Such a program has
 * a note named `Go`, the build id (cmd/internal/buildid).
 * @param start as for `elfKind`
 * @param readAt reads bytes of the file; it may return fewer
 */
export function isGo(start: Uint8Array, readAt: (offset: number, length: number) => Uint8Array): boolean {
  const view = new DataView(start.buffer, start.byteOffset, start.length);
  const size = view.getUint16(54, true);
  const count = view.getUint16(56, true);
  for (let at = Number(view.getBigUint64(32, true)), i = 0; i < count && at + 56 <= start.length; i++, at += size) {
    if (view.getUint32(at, true) !== PT_NOTE) continue;
    const [offset, length] = [Number(view.getBigUint64(at + 8, true)), Number(view.getBigUint64(at + 32, true))];
    if (Number.isSafeInteger(offset) && hasGoNote(readAt(offset, Math.min(length, noteBytes)))) return true;
  }
  return false;
}

/** Iterates over the notes of a segment: name size, content size, type, then both, each in whole words. */
function hasGoNote(notes: Uint8Array): boolean {
  const view = new DataView(notes.buffer, notes.byteOffset, notes.length);
  for (let at = 0; at + 12 <= notes.length; ) {
    const [name, content] = [view.getUint32(at, true), view.getUint32(at + 4, true)];
    if (name === 4 && at + 15 <= notes.length && notes[at + 12] === 0x47 && notes[at + 13] === 0x6f && notes[at + 14] === 0) return true;
    at += 12 + Math.ceil(name / 4) * 4 + Math.ceil(content / 4) * 4;
  }
  return false;
}
