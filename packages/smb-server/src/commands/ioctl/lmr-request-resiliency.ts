import { andThen } from '@ring3/kit';
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
    const { kind, version = 0 } = open.durable ?? {};
    const timeoutMs = Math.min(timeout === 0 ? resilientMs : timeout, maxResilientMs);
    open.durable = { kind: kind === 'persistent' ? kind : 'resilient', version, timeoutMs };
    return andThen(server.persistence.save(open), () => nothing);
  },
};

/** The two time-outs are compared in seconds. */
const seconds = (ms: number): number => Math.floor(ms / 1000);
