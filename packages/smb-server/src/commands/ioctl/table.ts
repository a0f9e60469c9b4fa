import { Fsctl, NtStatus } from '@ring3/smb-proto';
import { pipeTransceive } from './pipe-transceive.ts';
import type { IoctlRow } from './row.ts';
import { validateNegotiateInfo } from './validate-negotiate-info.ts';

/** A code that is known, and refused. */
const refused = (status: NtStatus, needs: IoctlRow['needs'] = 'nothing'): IoctlRow => ({ needs, handle: () => status });

/** The control codes, MS-SMB2 3.3.5.15 and MS-FSCC 2.3. What is not here is an invalid device request. */
export const rows: Readonly<Record<number, IoctlRow>> = {
  [Fsctl.ValidateNegotiateInfo]: validateNegotiateInfo,
  [Fsctl.PipeTransceive]: pipeTransceive,
  [Fsctl.DfsGetReferrals]: refused(NtStatus.FsDriverRequired),
  [Fsctl.DfsGetReferralsEx]: refused(NtStatus.FsDriverRequired),
  [Fsctl.QueryNetworkInterfaceInfo]: refused(NtStatus.NotSupported),
  [Fsctl.LmrRequestResiliency]: refused(NtStatus.NotSupported, 'open'),
  [Fsctl.SrvReadHash]: refused(NtStatus.NotSupported, 'open'),
};
