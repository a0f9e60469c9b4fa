import { AckFlags, align, Errno, ExtendedAck, headerLength, MessageFlags, type MessageHeader, MessageType, messages } from '@ring3/netlink';
import {
  ConntrackCommand,
  ConntrackMessage,
  ConntrackStats,
  ConntrackStatsCpu,
  ExpectCommand,
  ExpectMessage,
  ExpectStatsCpu,
  FamilyHeader,
  HelperCommand,
  HelperMessage,
  Subsystem,
  TimeoutCommand,
  TimeoutMessage,
  TimeoutMessages,
} from '@ring3/nfnetlink';
import { type Attrs, type AttrTable, DecodeError, type Frame, flagNames, fromHex, littleEndianHost, nameOf } from '@ring3/wire';

/** How the messages of a subsystem are read: the names of its commands, and the table of one message. */
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

/** The messages of a datagram, one line each with names; what cannot be read stays hexadecimal. */
export function decode(datagram: Uint8Array): string[] {
  const found = messages(datagram).map(({ header, frame, at }) => `${decodeHeader(header)} ${decodeBody(header, frame, at)}`);
  return found.length === 0 ? [`${datagram.length} bytes without a whole message`] : found;
}

function decodeHeader({ length, flags, sequence }: MessageHeader): string {
  return `${length} bytes, flags ${flagNames(MessageFlags, flags)}, sequence ${sequence}:`;
}

function decodeBody(header: MessageHeader, frame: Frame, at: number): string {
  const body = at + headerLength;
  const end = at + header.length;
  try {
    if (header.type === MessageType.Error) return decodeError(header, frame, body, end);
    if (header.type === MessageType.Done) return `DONE ${frame.view.getInt32(body, littleEndianHost)}`;
    if (header.type < MessageType.MinType) return `control message ${nameOf(MessageType, header.type)}`;
    const reader = readers[header.type >> 8];
    const name = nameOf(Subsystem, header.type >> 8);
    if (reader === undefined) return `${name} ${header.type & 0xff} ${hex(frame, body, end)}`;
    const first = body + FamilyHeader.byteLength;
    const table = reader.table(header.type & 0xff, frame, first, end - first);
    const head = FamilyHeader.print(FamilyHeader.read(frame, body));
    return `${name} ${nameOf(reader.commands, header.type & 0xff)} ${head} ${table.print(table.read(frame, first, end - first))}`;
  } catch (error) {
    if (!(error instanceof DecodeError) && !(error instanceof RangeError)) throw error;
    return `type ${header.type} ${hex(frame, body, end)} (${error.message})`;
  }
}

function decodeError(header: MessageHeader, frame: Frame, body: number, end: number): string {
  const errno = -frame.view.getInt32(body, littleEndianHost);
  const capped = (header.flags & AckFlags.Capped) !== 0;
  const echoed = capped ? headerLength : align(frame.view.getUint32(body + 4, littleEndianHost));
  const text = `${errno === 0 ? 'ACK' : `ERROR ${nameOf(Errno, errno)}`} ${capped ? 'capped' : `with ${echoed} bytes of the request`}`;
  if ((header.flags & AckFlags.AckTlvs) === 0) return text;
  const first = body + 4 + echoed;
  return `${text} ${ExtendedAck.print(ExtendedAck.read(frame, first, end - first))}`;
}

const hex = (frame: Frame, from: number, to: number): string => Buffer.from(frame.bytes.subarray(from, to)).toString('hex');

/** Compares two lists of datagrams in hexadecimal: what differs, both sides as trees. */
export function difference(wanted: readonly string[], found: readonly string[]): string[] {
  const lines: string[] = [];
  for (let i = 0; i < Math.max(wanted.length, found.length); i++) {
    const [left, right] = [wanted[i], found[i]];
    if (left === right) continue;
    lines.push([`datagram ${i + 1}`, ...show('kernel', left), ...show('ring3 ', right), firstDifference(left, right)].join('\n      '));
  }
  return lines;
}

function show(who: string, datagram: string | undefined): string[] {
  if (datagram === undefined) return [`${who} nothing`];
  return decode(fromHex(datagram)).map((line) => `${who} ${line}`);
}

/** Where the bytes part, with what stands there: trees may look alike where padding or order of bytes differ. */
function firstDifference(left: string | undefined, right: string | undefined): string {
  if (left === undefined || right === undefined) return 'one side sent nothing more';
  let at = 0;
  while (at < left.length && left[at] === right[at]) at++;
  at -= at % 2;
  const around = (text: string): string => text.slice(at, at + 16) || 'the end';
  return `from byte ${at / 2}: kernel ${around(left)}, ring3 ${around(right)}`;
}
