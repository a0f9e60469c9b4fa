import { AckFlags, align, Errno, ExtendedAck, headerLength, MessageFlags, type MessageHeader, MessageType, messages } from '@ring3/netlink';
import { type Attrs, type AttrTable, DecodeError, type Frame, flagNames, littleEndianHost, nameOf } from '@ring3/wire';
import { HelperCommand, HelperMessage } from './cthelper/attributes.ts';
import { ConntrackCommand, ConntrackMessage, ConntrackStats, ConntrackStatsCpu } from './ctnetlink/attributes.ts';
import { ExpectCommand, ExpectMessage, ExpectStatsCpu } from './ctnetlink-exp/attributes.ts';
import { TimeoutCommand, TimeoutMessage, TimeoutMessages } from './cttimeout/attributes.ts';
import { FamilyHeader } from './family-header.ts';
import { LogCommand, LogConfig } from './log/attributes.ts';
import { QueueCommand, QueueConfig, QueueMessage } from './queue/attributes.ts';
import { Subsystem } from './subsystem.ts';

/** The description of a subsystem: the names of its commands, and the attribute table of its messages. */
interface Reader {
  readonly commands: Readonly<Record<string, number>>;
  readonly table: (command: number, frame: Frame, at: number, length: number) => Attrs<AttrTable>;
}

const readers: Readonly<Record<number, Reader | undefined>> = {
  [Subsystem.Ctnetlink]: { commands: ConntrackCommand, table: conntrackTable },
  [Subsystem.CtnetlinkExp]: {
    commands: ExpectCommand,
    table: (command) => (command === ExpectCommand.GetStatsCpu ? ExpectStatsCpu : ExpectMessage) as unknown as Attrs<AttrTable>,
  },
  [Subsystem.Queue]: {
    commands: QueueCommand,
    table: (command) => (command === QueueCommand.Config ? QueueConfig : QueueMessage) as unknown as Attrs<AttrTable>,
  },
  [Subsystem.Ulog]: { commands: LogCommand, table: () => LogConfig as unknown as Attrs<AttrTable> },
  [Subsystem.Cthelper]: { commands: HelperCommand, table: () => HelperMessage as unknown as Attrs<AttrTable> },
  [Subsystem.CtnetlinkTimeout]: {
    commands: TimeoutCommand,
    table: (_command, frame, at, length) =>
      (TimeoutMessages[TimeoutMessage.read(frame, at, length).l4proto ?? -1] ?? TimeoutMessage) as unknown as Attrs<AttrTable>,
  },
};

function conntrackTable(command: number): Attrs<AttrTable> {
  const special = { [ConntrackCommand.GetStats]: ConntrackStats, [ConntrackCommand.GetStatsCpu]: ConntrackStatsCpu };
  return (special[command as 4 | 5] ?? ConntrackMessage) as unknown as Attrs<AttrTable>;
}

/** Describes the messages of a datagram for people, one line each, with the declared names. For payload and unreadable parts only the length is shown. */
export function describeDatagram(datagram: Uint8Array): string[] {
  const found = messages(datagram).map(({ header, frame, at }) => `${describeHeader(header)} ${describeBody(header, frame, at)}`);
  return found.length === 0 ? [`${datagram.length} bytes without a whole message`] : found;
}

function describeHeader({ length, flags, sequence }: MessageHeader): string {
  return `${length} bytes, flags ${flagNames(MessageFlags, flags)}, sequence ${sequence}:`;
}

function describeBody(header: MessageHeader, frame: Frame, at: number): string {
  const body = at + headerLength;
  const end = at + header.length;
  try {
    if (header.type === MessageType.Error) return describeError(header, frame, body, end);
    if (header.type === MessageType.Done) return `DONE ${frame.view.getInt32(body, littleEndianHost)}`;
    if (header.type < MessageType.MinType) return `control message ${nameOf(MessageType, header.type)}`;
    const reader = readers[header.type >> 8];
    const name = nameOf(Subsystem, header.type >> 8);
    if (reader === undefined) return `${name} ${header.type & 0xff} <${end - body} bytes>`;
    const first = body + FamilyHeader.byteLength;
    const table = reader.table(header.type & 0xff, frame, first, end - first);
    const head = FamilyHeader.print(FamilyHeader.read(frame, body));
    return `${name} ${nameOf(reader.commands, header.type & 0xff)} ${head} ${table.print(table.read(frame, first, end - first))}`;
  } catch (error) {
    if (!(error instanceof DecodeError) && !(error instanceof RangeError)) throw error;
    return `type ${header.type} <${end - body} bytes> (${error.message})`;
  }
}

function describeError(header: MessageHeader, frame: Frame, body: number, end: number): string {
  const errno = -frame.view.getInt32(body, littleEndianHost);
  const capped = (header.flags & AckFlags.Capped) !== 0;
  const echoed = capped ? headerLength : align(frame.view.getUint32(body + 4, littleEndianHost));
  const text = `${errno === 0 ? 'ACK' : `ERROR ${nameOf(Errno, errno)}`} ${capped ? 'capped' : `with ${echoed} bytes of the request`}`;
  if ((header.flags & AckFlags.AckTlvs) === 0) return text;
  const first = body + 4 + echoed;
  return `${text} ${ExtendedAck.print(ExtendedAck.read(frame, first, end - first))}`;
}
