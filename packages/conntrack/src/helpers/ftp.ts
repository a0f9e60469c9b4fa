import type { HelperPacket, HelperRef } from '../engine.ts';

/** Lifetime of the expectation of a data connection, in seconds. */
const waitSeconds = 300;
/** Maximum number of remembered line starts per direction. */
const remembered = 2;

/** State of one control connection: the sequence numbers at which lines began, by direction. */
interface Control {
  readonly lineStarts: [number[], number[]];
}

/** The destination of a data connection. */
export interface FtpAddress {
  /** Four or sixteen bytes; undefined: the sender's own address. */
  readonly address: Uint8Array | undefined;
  readonly port: number;
}

/**
 * The FTP helper, RFC 959 and RFC 2428: it reads PORT and EPRT of the client and the replies 227 and 229 of the server, and expects the
 * data connection that they announce. A line is read only if the end of the previous line was seen.
 */
export function createFtp(l3num: number, l4: number): HelperRef {
  const controls = new WeakMap<object, Map<number, Control>>();
  return {
    name: 'ftp',
    l3num,
    l4,
    classes: [{ name: 'ftp', max: 1, timeoutSeconds: waitSeconds }],
    privateLength: 0,
    enabled: true,
    queue: -1,
    hold: () => true,
    release: () => {},
    inspect: (packet) => inspect(packet, controlOf(controls, packet)),
    forget: (owner, serial) => controls.get(owner)?.delete(serial),
  };
}

function controlOf(controls: WeakMap<object, Map<number, Control>>, packet: HelperPacket): Control {
  let flows = controls.get(packet.owner);
  if (flows === undefined) {
    flows = new Map();
    controls.set(packet.owner, flows);
  }
  let control = flows.get(packet.serial);
  if (control === undefined) {
    control = { lineStarts: [[], []] };
    flows.set(packet.serial, control);
  }
  return control;
}

function inspect(packet: HelperPacket, control: Control): boolean {
  if (!packet.established || packet.payload.length === 0) return true;
  const starts = control.lineStarts[packet.direction]!;
  const text = Buffer.from(packet.payload.buffer, packet.payload.byteOffset, packet.payload.byteLength).toString('latin1');
  const atLineStart = starts.includes(packet.sequence);
  if (text.endsWith('\n')) {
    const next = (packet.sequence + text.length) | 0;
    if (!starts.includes(next)) starts.push(next);
    if (starts.length > remembered) starts.shift();
  }
  if (!atLineStart) return true;
  const found = packet.direction === 0 ? readCommand(text) : readAnswer(text);
  if (found === undefined) return packet.direction === 1 || !isPartialCommand(text);
  const own = packet.tuple.source;
  const address = found.address ?? own;
  if (address.length !== own.length || !address.every((byte, i) => byte === own[i])) return true;
  packet.expect({
    source: packet.tuple.destination,
    destination: address,
    destinationPort: found.port,
    classIndex: 0,
  });
  return true;
}

/** PORT h,h,h,h,p,p and EPRT |family|address|port|. @returns undefined for anything else */
export function readCommand(line: string): FtpAddress | undefined {
  const port = /^PORT\s+(\d{1,3}(?:,\d{1,3}){5})\r?\n?/i.exec(line);
  if (port !== null) return readNumbers(port[1]!);
  const eprt = /^EPRT\s+([^\s\w])([12])\1([^\s]+?)\1(\d{1,5})\1/i.exec(line);
  if (eprt === null) return undefined;
  const address = eprt[2] === '1' ? readIpv4(eprt[3]!) : readIpv6(eprt[3]!);
  const number = Number(eprt[4]);
  return address === undefined || number === 0 || number > 0xffff ? undefined : { address, port: number };
}

/** 227 with six numbers, 229 with (|||port|). @returns undefined for anything else */
export function readAnswer(line: string): FtpAddress | undefined {
  const passive = /^227 [^\d]*(\d{1,3}(?:,\d{1,3}){5})/.exec(line);
  if (passive !== null) return readNumbers(passive[1]!);
  const extended = /^229 [^(]*\(([^\s\w])\1\1(\d{1,5})\1\)/.exec(line);
  if (extended === null) return undefined;
  const port = Number(extended[2]);
  return port === 0 || port > 0xffff ? undefined : { address: undefined, port };
}

/** Six numbers: four of the address, two of the port. A number above 255 carries into the next higher one, as in other implementations. */
function readNumbers(text: string): FtpAddress {
  const [a = 0, b = 0, c = 0, d = 0, high = 0, low = 0] = text.split(',').map(Number);
  const address = new Uint8Array(4);
  new DataView(address.buffer).setInt32(0, (a << 24) | (b << 16) | (c << 8) | d);
  return { address, port: ((high << 8) | low) & 0xffff };
}

/** Whether the packet ends within a command that announces a connection. It is dropped, because the helper does not join packets. */
export const isPartialCommand = (line: string): boolean => /^(?:PORT(?:\s+[\d,]*)?|EPRT(?:\s+[^\s\w]?[12]?[^\s\r\n]*)?)$/i.test(line);

function readIpv4(text: string): Uint8Array | undefined {
  const numbers = text.split('.').map(Number);
  return numbers.length === 4 && numbers.every((one) => Number.isInteger(one) && one >= 0 && one <= 255)
    ? Uint8Array.from(numbers)
    : undefined;
}

function readIpv6(text: string): Uint8Array | undefined {
  const [head, tail, more] = text.split('::');
  if (more !== undefined || !/^[0-9a-f:]+$/i.test(text)) return undefined;
  const groups = (part: string | undefined): number[] =>
    part === undefined || part === '' ? [] : part.split(':').map((one) => Number.parseInt(one, 16));
  const before = groups(head);
  const after = groups(tail);
  const missing = 8 - before.length - after.length;
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  const all = [...before, ...new Array<number>(Math.max(0, missing)).fill(0), ...after];
  if (all.some((one) => !(one >= 0 && one <= 0xffff))) return undefined;
  return Uint8Array.from(all.flatMap((one) => [one >>> 8, one & 255]));
}
