/** What a file's first bytes say about it: `foreign` is an ELF program of another machine or word size. */
export type ElfKind = 'dynamic' | 'static' | 'foreign' | 'none';

/** `e_machine`, System V ABI supplements. */
const machines: Readonly<Record<string, number>> = { x64: 62, arm64: 183 };
/** `p_type` of the segment that names the dynamic loader, elf(5). */
const PT_INTERP = 3;
const ET_EXEC = 2;
const ET_DYN = 3;

/**
 * Looks at the head of an executable file, elf(5): only a program that names a dynamic loader loads the shim.
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
