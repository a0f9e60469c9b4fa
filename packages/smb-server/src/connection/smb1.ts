import { Dialect, Header, HeaderFlags, NegotiateResponse } from '@ring3/smb-proto';
import { Frame } from '@ring3/wire';
import { negotiateAnswer, negotiatedBySmb1, wildcardAnswer } from '../commands/negotiate.ts';
import type { Connection } from './connection.ts';

const negotiateCommand = 0x72;
/** SMB1 header, parameter word count and byte count, MS-CIFS 2.2.4.52. */
const headLength = 32 + 1 + 2;

/** The dialect strings of an SMB1 NEGOTIATE. Each is a 2 and text up to a NUL. */
function dialectStrings(frame: Frame): string[] | undefined {
  const { bytes, view } = frame;
  if (bytes.length < headLength || bytes[4] !== negotiateCommand || bytes[32] !== 0) return undefined;
  const end = headLength + view.getUint16(33, true);
  if (end > bytes.length) return undefined;
  const found: string[] = [];
  for (let at = headLength; at < end; ) {
    if (bytes[at] !== 2) return undefined;
    const nul = bytes.indexOf(0, at);
    if (nul < 0 || nul >= end) return undefined;
    found.push(Buffer.from(bytes.subarray(at + 1, nul)).toString('latin1'));
    at = nul + 1;
  }
  return found;
}

/**
 * Responds to SMB1's multi-protocol negotiate, MS-SMB2 3.3.5.3.1, for clients that try both. SMB1 itself is not supported.
 * @returns why the connection must be closed, if it must
 */
export function answerSmb1(connection: Connection, frame: Frame): string | undefined {
  const dialects = dialectStrings(frame);
  if (dialects === undefined) return 'an SMB1 message that is no negotiate';
  const { min, max } = connection.options.dialects;
  const wildcard = dialects.includes('SMB 2.???') && max >= Dialect.Smb21;
  const plain = dialects.includes('SMB 2.002') && min <= Dialect.Smb202;
  if (!wildcard && !plain) {
    const { id, link, network, server } = connection;
    server.repeated.say('warn', 'rejected a client that only supports SMB1', network, { connection: id, peer: link.peer, dialects });
    return 'SMB1 is not spoken here';
  }
  connection.takeFirstMessageId();
  if (wildcard) connection.awaitsSecondNegotiate = true;
  else connection.adopt(negotiatedBySmb1(connection));
  const body = wildcard ? wildcardAnswer(connection) : negotiateAnswer(connection, connection.negotiated, []);
  const { head } = NegotiateResponse.encode(body);
  Header.write(new Frame(head), 0, {
    creditCharge: 0,
    status: 0,
    command: 0,
    credits: connection.grantCredits(1),
    flags: HeaderFlags.ServerToRedir,
    nextCommand: 0,
    messageId: 0,
    processId: 0,
    treeId: 0,
    sessionId: 0,
    signature: new Uint8Array(16),
  });
  connection.sendMessage(head);
  return undefined;
}
