import { AccessMask, CompressionState, NtStatus } from '@ring3/smb-proto';
import { Frame } from '@ring3/wire';
import { type IoctlRow, nothing } from './row.ts';

/** FSCTL_GET_COMPRESSION, MS-FSA 2.1.5.10: files are never compressed here. */
export const getCompression: IoctlRow = {
  needs: 'entry',
  handle(_ctx, { maxOutputResponse }) {
    if (maxOutputResponse < CompressionState.byteLength) return NtStatus.InvalidParameter;
    const frame = Frame.alloc(CompressionState.byteLength);
    CompressionState.write(frame, 0, { compressionState: 0 });
    return frame.bytes;
  },
};

/** COMPRESSION_FORMAT_NONE, _DEFAULT and _LZNT1, MS-FSCC 2.3. */
const formats: ReadonlySet<number> = new Set([0, 1, 2]);

/**
 * FSCTL_SET_COMPRESSION, MS-FSA 2.1.5.10.30: only COMPRESSION_FORMAT_NONE succeeds, because no store compresses (docs/decisions/0125). A value that is not
 * defined, or a buffer that is too short, is an invalid parameter.
 */
export const setCompression: IoctlRow = {
  needs: 'entry',
  access: AccessMask.FileWriteData,
  handle({ tree }, { input }) {
    if (input.length < CompressionState.byteLength) return NtStatus.InvalidParameter;
    const { compressionState } = CompressionState.read(new Frame(input), 0);
    if (!formats.has(compressionState)) return NtStatus.InvalidParameter;
    if (!tree.writable) return NtStatus.MediaWriteProtected;
    return compressionState === 0 ? nothing : NtStatus.NotSupported;
  },
};
