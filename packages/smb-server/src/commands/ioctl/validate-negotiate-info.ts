import { Dialect, NtStatus, ValidateNegotiateInfoRequest, ValidateNegotiateInfoResponse } from '@ring3/smb-proto';
import { DecodeError, Frame } from '@ring3/wire';
import type { IoctlRow } from './row.ts';

/**
 * FSCTL_VALIDATE_NEGOTIATE_INFO, MS-SMB2 3.3.5.15.12: if the negotiation was changed on its way, the connection is closed without a
 * response.
 */
export const validateNegotiateInfo: IoctlRow = {
  needs: 'tree',
  handle(ctx, { input, maxOutputResponse }) {
    const { connection, server } = ctx;
    const { negotiated } = connection;
    if (negotiated.dialect === Dialect.Smb311) return close(ctx, '3.1.1 validates by its preauthentication hash');
    if (maxOutputResponse < ValidateNegotiateInfoResponse.byteLength) return close(ctx, 'no space for the response');
    let asked: ValidateNegotiateInfoRequest;
    try {
      asked = ValidateNegotiateInfoRequest.read(new Frame(input), 0);
    } catch (error) {
      if (error instanceof DecodeError) return close(ctx, 'malformed');
      throw error;
    }
    const same =
      asked.capabilities === negotiated.clientCapabilities &&
      asked.securityMode === negotiated.clientSecurityMode &&
      Buffer.compare(asked.guid, negotiated.clientGuid) === 0 &&
      asked.dialects.length === negotiated.clientDialects.length &&
      asked.dialects.every((dialect, i) => dialect === negotiated.clientDialects[i]);
    if (!same) return close(ctx, 'the negotiation was changed on its way');
    const frame = Frame.alloc(ValidateNegotiateInfoResponse.byteLength);
    ValidateNegotiateInfoResponse.write(frame, 0, {
      capabilities: negotiated.serverCapabilities,
      guid: server.guid,
      securityMode: negotiated.serverSecurityMode,
      dialect: negotiated.dialect,
    });
    return frame.bytes;
  },
};

function close({ connection }: Parameters<IoctlRow['handle']>[0], reason: string): NtStatus {
  connection.end(`validate negotiate info: ${reason}`);
  return NtStatus.ConnectionDisconnected;
}
