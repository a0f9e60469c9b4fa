import { Command, Dialect, HeaderFlags } from '@ring3/smb-proto';
import type { Open } from '../objects/open.ts';
import type { Request } from './request.ts';

/** ChannelSequence of a request: the low half of the field that is Status in a response. MS-SMB2 2.2.1.2. */
export const channelSequenceOf = ({ header }: Request): number => header.status & 0xffff;

/** Commands that fail if they were sent before a channel was lost: the others change nothing that a later request could have changed. */
const changes = (command: number): boolean => command === Command.Write || command === Command.SetInfo || command === Command.Ioctl;

/**
 * Verifies the channel sequence number of a request on an open, and counts the request, MS-SMB2 3.3.5.2.10.
 * @returns whether the request continues; else it fails with STATUS_FILE_NOT_AVAILABLE
 */
export function enterChannelSequence(request: Request, open: Open): boolean {
  if (request.connection.negotiated.dialect < Dialect.Smb30) return true;
  const sequence = channelSequenceOf(request);
  const replays = (request.header.flags & HeaderFlags.ReplayOperation) !== 0;
  if (sequence === open.channelSequence) {
    if (replays && open.outstandingPreRequestCount > 0) return !changes(request.header.command);
  } else {
    if (((sequence - open.channelSequence) & 0xffff) > 0x7fff) return !changes(request.header.command);
    open.outstandingPreRequestCount += open.outstandingRequestCount;
    open.outstandingRequestCount = 0;
    open.channelSequence = sequence;
    if (replays && open.outstandingPreRequestCount > 0) return !changes(request.header.command);
  }
  open.outstandingRequestCount++;
  request.countedOn = open;
  return true;
}

/**
 * A client has reconnected to an open over another session, which counts channel sequences of its own: that of its CREATE is the current one, and
 * the requests of the former session belong to an earlier one. MS-SMB2 3.3.1.10.
 */
export function restartChannelSequence(request: Request, open: Open): void {
  open.outstandingPreRequestCount += open.outstandingRequestCount;
  open.outstandingRequestCount = 0;
  open.channelSequence = channelSequenceOf(request);
}

/** A counted request has its response, MS-SMB2 3.3.4.1. */
export function leaveChannelSequence(request: Request): void {
  const open = request.countedOn;
  if (open === undefined) return;
  request.countedOn = undefined;
  if (channelSequenceOf(request) === open.channelSequence) open.outstandingRequestCount--;
  else open.outstandingPreRequestCount--;
}
