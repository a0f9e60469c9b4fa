import { Dialect, NetworkResiliencyRequest, NtStatus } from '@ring3/smb-proto';
import { Frame } from '@ring3/wire';
import { type IoctlRow, nothing } from './row.ts';

/** FSCTL_LMR_REQUEST_RESILIENCY, MS-SMB2 3.3.5.15.9: the open waits for its client after a lost connection, whatever it caches. */
export const lmrRequestResiliency: IoctlRow = {
  needs: 'entry',
  handle({ open, connection, server }, { input }) {
    if (connection.negotiated.dialect === Dialect.Smb202) return NtStatus.InvalidDeviceRequest;
    if (input.length < NetworkResiliencyRequest.byteLength) return NtStatus.InvalidParameter;
    const { timeout } = NetworkResiliencyRequest.read(new Frame(input), 0);
    const { resilientMs, maxResilientMs } = server.limits;
    if (seconds(timeout) > seconds(maxResilientMs)) return NtStatus.InvalidParameter;
    open.durable = {
      kind: 'resilient',
      version: open.durable?.version ?? 0,
      timeoutMs: Math.min(timeout === 0 ? resilientMs : timeout, maxResilientMs),
    };
    return nothing;
  },
};

/** The two time-outs are compared in seconds. */
const seconds = (ms: number): number => Math.floor(ms / 1000);
