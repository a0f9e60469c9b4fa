import { Fsctl, NtStatus } from '@ring3/smb-proto';
import { getCompression, setCompression } from './compression.ts';
import { deleteReparsePoint } from './delete-reparse-point.ts';
import { duplicateExtents } from './duplicate-extents.ts';
import { getReparsePoint } from './get-reparse-point.ts';
import { lmrRequestResiliency } from './lmr-request-resiliency.ts';
import { createOrGetObjectId, deleteObjectId, getObjectId, setObjectId, setObjectIdExtended } from './object-id.ts';
import { pipePeek } from './pipe-peek.ts';
import { pipeTransceive } from './pipe-transceive.ts';
import { pipeWait } from './pipe-wait.ts';
import { queryAllocatedRanges } from './query-allocated-ranges.ts';
import { queryFileRegions } from './query-file-regions.ts';
import { queryNetworkInterfaceInfo } from './query-network-interface-info.ts';
import { type IoctlRow, nothing } from './row.ts';
import { setReparsePoint } from './set-reparse-point.ts';
import { setSparse } from './set-sparse.ts';
import { setZeroData } from './set-zero-data.ts';
import { srvCopychunk, srvCopychunkWrite } from './srv-copychunk.ts';
import { srvEnumerateSnapshots } from './srv-enumerate-snapshots.ts';
import { srvRequestResumeKey } from './srv-request-resume-key.ts';
import { validateNegotiateInfo } from './validate-negotiate-info.ts';

/** A known code that is rejected. */
const refused = (status: NtStatus, needs: IoctlRow['needs'] = 'tree'): IoctlRow => ({ needs, handle: () => status });

/** The control codes, MS-SMB2 3.3.5.15 and MS-FSCC 2.3. Any other code is an invalid device request. */
export const rows: Readonly<Record<number, IoctlRow>> = {
  [Fsctl.ValidateNegotiateInfo]: validateNegotiateInfo,
  [Fsctl.PipeTransceive]: pipeTransceive,
  [Fsctl.PipePeek]: pipePeek,
  [Fsctl.PipeWait]: pipeWait,
  [Fsctl.SrvRequestResumeKey]: srvRequestResumeKey,
  [Fsctl.SrvCopychunk]: srvCopychunk,
  [Fsctl.SrvCopychunkWrite]: srvCopychunkWrite,
  [Fsctl.SrvEnumerateSnapshots]: srvEnumerateSnapshots,
  [Fsctl.DuplicateExtentsToFile]: duplicateExtents,
  [Fsctl.SetSparse]: setSparse,
  [Fsctl.SetZeroData]: setZeroData,
  [Fsctl.QueryAllocatedRanges]: queryAllocatedRanges,
  [Fsctl.QueryFileRegions]: queryFileRegions,
  [Fsctl.CreateOrGetObjectId]: createOrGetObjectId,
  [Fsctl.GetObjectId]: getObjectId,
  [Fsctl.SetObjectId]: setObjectId,
  [Fsctl.SetObjectIdExtended]: setObjectIdExtended,
  [Fsctl.DeleteObjectId]: deleteObjectId,
  [Fsctl.IsPathnameValid]: { needs: 'entry', handle: () => nothing }, // MS-FSA 2.1.5.10.18
  [Fsctl.GetCompression]: getCompression,
  [Fsctl.SetCompression]: setCompression,
  [Fsctl.GetReparsePoint]: getReparsePoint,
  [Fsctl.SetReparsePoint]: setReparsePoint,
  [Fsctl.DeleteReparsePoint]: deleteReparsePoint,
  [Fsctl.DfsGetReferrals]: refused(NtStatus.FsDriverRequired),
  [Fsctl.DfsGetReferralsEx]: refused(NtStatus.FsDriverRequired),
  [Fsctl.QueryNetworkInterfaceInfo]: queryNetworkInterfaceInfo,
  [Fsctl.LmrRequestResiliency]: lmrRequestResiliency,
  [Fsctl.SrvReadHash]: refused(NtStatus.NotSupported, 'open'),
  [Fsctl.FileLevelTrim]: refused(NtStatus.NotSupported, 'entry'),
};
