/**
 * Generates the capture of `replay.ts`: Ethernet and IPv4, TCP connections from opening to end, UDP requests and responses, pings,
 * thousands of them at once.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { PcapWriter } from '@ring3/capture';

const ethernet = 14;
const atOnce = 5000;
const payload = 1448;
const [fin, syn, ack, push] = [1, 2, 16, 8];
const [icmp, tcp, udp] = [1, 6, 17];

/** One packet of a conversation. For ICMP and UDP only direction and `data` are used. */
interface Step {
  readonly back: boolean;
  readonly flags: number;
  readonly data: number;
}

/** A running conversation. */
interface Conversation {
  readonly number: number;
  readonly protocol: number;
  readonly steps: readonly Step[];
  done: number;
  /** Sequence numbers of client and server. */
  readonly sequence: [number, number];
}

/** A repeatable pseudo-random sequence. @returns a number below `limit` */
function dice(seed: number): (limit: number) => number {
  let x = seed;
  return (limit) => {
    x = (Math.imul(x, 1664525) + 1013904223) | 0;
    return Math.floor(((x >>> 8) / 0x1000000) * limit);
  };
}

const step = (back: boolean, flags: number, data = 0): Step => ({ back, flags, data });

/** Three packets of the opening, some acknowledged data in each direction, three packets of the end. */
function tcpSteps(exchanges: number): Step[] {
  const steps = [step(false, syn), step(true, syn | ack), step(false, ack)];
  for (let i = 0; i < exchanges; i++) {
    const answer = i % 3 !== 0; // two of three are the server's
    steps.push(step(answer, push | ack, payload), step(!answer, ack));
  }
  return [...steps, step(false, fin | ack), step(true, fin | ack), step(false, ack)];
}

const pairs = (count: number, asked: number, answered: number): Step[] =>
  Array.from({ length: count }, () => [step(false, 0, asked), step(true, 0, answered)]).flat();

function begin(number: number, roll: (limit: number) => number): Conversation {
  const kind = roll(100);
  const protocol = kind < 70 ? tcp : kind < 95 ? udp : icmp;
  const count = 1 + roll(protocol === tcp ? 16 : 3);
  const steps = protocol === tcp ? tcpSteps(count) : protocol === udp ? pairs(count, 48, 180) : pairs(count, 56, 56);
  return { number, protocol, steps, done: 0, sequence: [1000 + number * 7, 5000 + number * 13] };
}

const sumOf = (view: DataView, from: number, length: number): number => {
  let sum = 0;
  for (let i = 0; i < length; i += 2) sum += view.getUint16(from + i);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
};

/** Writes the conversation's next packet, without its payload, which is zeros. @returns original length of the packet */
function put(view: DataView, { number, protocol, steps, done, sequence }: Conversation): number {
  const { back, flags, data } = steps[done] as Step;
  const [client, server] = [0x0a000001 + (number >>> 12), 0xc0000201 + (number & 15)];
  const header = protocol === tcp ? 32 : 8;
  const at = ethernet + 20;
  view.setUint32(ethernet, (0x4500 << 16) | (20 + header + data));
  view.setUint32(ethernet + 4, ((number + done) << 16) | 0x4000);
  view.setUint32(ethernet + 8, (0x40 << 24) | (protocol << 16));
  view.setUint32(ethernet + 12, back ? server : client);
  view.setUint32(ethernet + 16, back ? client : server);
  view.setUint16(ethernet + 10, ~sumOf(view, ethernet, 20) & 0xffff);
  const own = 1024 + (number & 4095);
  const service = protocol === tcp ? 443 : 53;
  if (protocol === icmp) {
    view.setUint32(at, back ? 0 : 0x08000000);
    view.setUint32(at + 4, (own << 16) | (done >> 1));
    return at + header + data;
  }
  view.setUint32(at, back ? (service << 16) | own : (own << 16) | service);
  if (protocol === udp) {
    view.setUint32(at + 4, (header + data) << 16);
    return at + header + data;
  }
  const [from, to] = back ? ([1, 0] as const) : ([0, 1] as const);
  view.setUint32(at + 4, sequence[from]);
  view.setUint32(at + 8, (flags & ack) === 0 ? 0 : sequence[to]);
  view.setUint32(at + 12, (0x80 << 24) | (flags << 16) | 65535);
  view.setUint32(at + 16, 0);
  view.setUint32(at + 20, 0x0101080a);
  view.setUint32(at + 24, done + 1);
  view.setUint32(at + 28, done);
  sequence[from] = (sequence[from] + data + ((flags & (syn | fin)) === 0 ? 0 : 1)) >>> 0;
  return at + header + data;
}

/** Figures of a generated capture. */
export interface Written {
  readonly packets: number;
  readonly flows: number;
  readonly bytes: number;
}

/** Writes a capture of `packets` packets, ten microseconds apart, of which `held` bytes are captured. */
export function writeCapture(path: string, packets: number, held: number): Written {
  const fd = openSync(path, 'wx');
  let bytes = 0;
  const writer = new PcapWriter(
    (block) => {
      bytes += writeSync(fd, block);
    },
    { snapLength: held },
  );
  const roll = dice(1);
  const frame = new Uint8Array(Math.max(held, ethernet + 52));
  const view = new DataView(frame.buffer);
  view.setUint16(12, 0x0800);
  let flows = 0;
  const running = Array.from({ length: Math.min(atOnce, packets) }, () => begin(flows++, roll));
  for (let i = 0, timeNs = 1_767_225_600_000_000_000n; i < packets; i++, timeNs += 10_000n) {
    const place = i < running.length ? i : roll(running.length); // all begin before any continues
    const conversation = running[place] as Conversation;
    frame.fill(0, ethernet + 20);
    const originalLength = put(view, conversation);
    writer.add({ timeNs, bytes: frame.subarray(0, Math.min(originalLength, held)), originalLength });
    if (++conversation.done === conversation.steps.length && i + 1 < packets) running[place] = begin(flows++, roll);
  }
  writer.flush();
  closeSync(fd);
  // those that replaced others and had no packet before the end
  const silent = running.filter(({ done }) => done === 0).length;
  return { packets, flows: flows - silent, bytes };
}
