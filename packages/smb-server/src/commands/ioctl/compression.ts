import { CompressionState, NtStatus } from '@ring3/smb-proto';
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

/** FSCTL_SET_COMPRESSION, MS-FSA 2.1.5.10: only COMPRESSION_FORMAT_NONE is accepted. */
export const setCompression: IoctlRow = {
  needs: 'entry',
  handle(_ctx, { input }) {
    const { compressionState } = CompressionState.read(new Frame(input), 0);
    return compressionState === 0 ? nothing : NtStatus.NotSupported;
  },
};
