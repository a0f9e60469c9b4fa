/** Plays recorded scenarios of the connection tracker against the engine, and reports every difference. */
import { Buffer } from 'node:buffer';
import {
  classOf,
  createNamespace,
  directionOf,
  EventBit,
  type Expectation,
  type ExpectationEvent,
  type Flow,
  type FlowEvent,
  flowOf,
  type HookDecision,
  type Namespace,
  PacketClass,
  Protocol,
  readFlow,
  Status,
  sctpStates,
  secondsOf,
  type Tuple,
  tcpStates,
} from '@ring3/conntrack';
import { FakeClock, fakeRandom } from '@ring3/kit';
import { Desk, statusNames, textOf } from './commands.ts';
import { HelperDesk } from './helper-desk.ts';

/** One recorded tuple. */
interface RecordedTuple {
  readonly src: string;
  readonly dst: string;
  readonly l4: number;
  readonly [key: string]: string | number;
}

/** One recorded flow, or the content of an event. */
interface RecordedFlow {
  readonly event?: string;
  /** An expectation's message after its netlink header, in hexadecimal. */
  readonly raw?: string;
  readonly l3?: string;
  readonly orig: RecordedTuple;
  readonly reply?: RecordedTuple;
  readonly master?: RecordedTuple;
  readonly status?: readonly string[];
  readonly timeout?: number;
  readonly tcp?: { readonly state: string; readonly wscale?: readonly number[]; readonly flags?: readonly number[] };
  readonly sctp?: { readonly state: string; readonly vtag?: readonly number[] };
  readonly counters_orig?: readonly number[];
  readonly counters_reply?: readonly number[];
  readonly mark?: number;
  readonly helper?: string;
}

interface Step {
  readonly t_ms: number;
  readonly t_real_ms?: number;
  /** When the flows were read: on a busy machine long after the packet. */
  readonly read_ms?: number;
  readonly dir?: 'out' | 'in';
  readonly packet?: string;
  readonly note?: string;
  readonly ct?: string | readonly string[];
  readonly forwarded?: number;
  readonly out?: readonly string[];
  readonly events?: readonly RecordedFlow[];
  readonly flows?: readonly RecordedFlow[];
  readonly cmd?: string;
  readonly rc?: number;
  /** The increments of the counters of `conntrack -S`, if the scenario has them; unchanged counters are missing. */
  readonly counted?: Readonly<Record<string, number>>;
  readonly look?: boolean;
  readonly action?: string;
  readonly result?: unknown;
}

export interface Scenario {
  readonly name: string;
  readonly note?: string;
  readonly sysctls?: Readonly<Record<string, number | string>>;
  readonly setup?: readonly string[];
  /** Whether its steps contain counters. */
  readonly counts?: boolean;
  readonly steps: readonly Step[];
}

/** A file of recorded scenarios. */
export interface ScenarioFile {
  readonly group?: string;
  readonly scenarios: readonly Scenario[];
}

/** The result of a file. A scenario is passed, failed or skipped as a whole. */
export interface Score {
  passed: number;
  failed: number;
  skipped: number;
  /** One line each, starting with the scenario's name and the step. */
  readonly differences: string[];
  /** The reasons of skipped scenarios. */
  readonly reasons: string[];
}

/** Maximum difference of timers, in seconds: they were read a few milliseconds after the packet, and rounded down. */
const timerTolerance = 1;
/**
 * If only the planned time of a step is known, the kernel ran in an emulator, and each step took about ten times as long as planned, by
 * the timers in these records.
 */
const unknownPace = 10;
const looseTolerance = 2;

/** Seconds between a packet and the reading of the flows, if they were recorded. */
const lateSeconds = ({ t_real_ms = 0, read_ms = t_real_ms }: Step): number => Math.max(0, read_ms - t_real_ms) / 1000;

/** Scenarios that show defects of the kernel, which ring3 does not reproduce. */
const defects: Readonly<Record<string, string>> = {
  'helper-delete-breaks-timeout-rule': 'a defect: deleting a helper takes the policies of unrelated rules away',
  'helper-delete-breaks-helper-rule': 'a defect: deleting a helper takes the helpers of unrelated rules away, and leaks a reference',
};

/** Plays all scenarios of a file, each in a separate namespace. */
export function playScenarios(file: ScenarioFile): Score {
  const score: Score = { passed: 0, failed: 0, skipped: 0, differences: [], reasons: [] };
  for (const scenario of file.scenarios) {
    const defect = defects[scenario.name];
    if (defect !== undefined) {
      score.skipped++;
      score.reasons.push(`${scenario.name}: ${defect}`);
      continue;
    }
    const player = new Player();
    const outcome = player.play(scenario);
    if (typeof outcome === 'string') {
      score.skipped++;
      score.reasons.push(`${scenario.name}: ${outcome}`);
    } else if (outcome.length === 0) score.passed++;
    else {
      score.failed++;
      score.differences.push(...outcome.map((line) => `${scenario.name} ${line}`));
    }
  }
  return score;
}

class Player {
  readonly #clock = new FakeClock();
  readonly #namespace: Namespace = createNamespace({ clock: this.#clock, random: fakeRandom(1), flows: 1024 });
  readonly #desk = new Desk(this.#namespace);
  readonly #helperDesk = new HelperDesk(this.#namespace);
  #events: string[] = [];

  constructor() {
    this.#namespace.settings.acct = 1;
    const tracker = this.#namespace.tracker;
    tracker.flows.events.sink = {
      flow: (event, flow, happened) => this.#events.push(this.#eventText(event, flow, happened)),
      expectation: (event, one) => this.#events.push(this.#expectationText(event, one)),
    };
  }

  /** @returns the differences, or the reason why it cannot be played */
  play(scenario: Scenario): string[] | string {
    for (const [name, value] of Object.entries(scenario.sysctls ?? {})) {
      if (name === 'net.ipv4.ipfrag_max_dist') this.#namespace.settings.fragMaxDistance = Number(value);
      else if (this.#namespace.sysctls.set(name, String(value)) !== undefined) return `sysctl ${name}`;
    }
    for (const command of scenario.setup ?? []) {
      const status = this.#desk.run(command);
      if (status === undefined) return `setup ${command}`;
      if (status !== 0) return [`setup ${command}: exit status ${status}`];
    }
    const differences: string[] = [];
    for (const [i, step] of scenario.steps.entries()) {
      const before = { ...this.#namespace.flows.statistics };
      const found = this.#step(step);
      if (scenario.counts === true && typeof found !== 'string') found.push(...this.#counted(before, step));
      if (typeof found === 'string') return differences.length > 0 ? differences : `step ${i}: ${found}`;
      differences.push(...found.map((line) => `step ${i} (${step.note ?? step.cmd ?? step.action ?? ''}): ${line}`));
    }
    return differences;
  }

  #counted(before: object, step: Step): string[] {
    const grown = Object.entries(this.#namespace.flows.statistics)
      .map(([name, value]) => [name, value - (Object.entries(before).find(([one]) => one === name)?.[1] ?? 0)] as const)
      .filter(([name, by]) => by !== 0 && name !== 'entered' && !name.startsWith('expect'));
    const text = (counts: Iterable<readonly [string, number]>): string =>
      [...counts]
        .map(([name, by]) => `${name}+${by}`)
        .sort()
        .join(' ');
    const [ours, recorded] = [text(grown), text(Object.entries(step.counted ?? {}))];
    return ours === recorded ? [] : [`counted ${ours || 'nothing'}, recorded ${recorded || 'nothing'}`];
  }

  #step(step: Step): string[] | string {
    const tracker = this.#namespace.tracker;
    const now = step.t_real_ms ?? step.t_ms * unknownPace;
    this.#clock.advance(now - this.#clock.now());
    this.#events = [];
    const found: string[] = [];
    if (step.packet !== undefined) found.push(...this.#packet(step, now));
    else {
      tracker.flows.advance(now);
      if (step.cmd !== undefined) {
        const status = this.#desk.run(step.cmd);
        if (status === undefined) return `command ${step.cmd}`;
        if ((status === 0) !== (step.rc === 0)) found.push(`exit status ${status}, recorded ${step.rc}`);
      } else if (step.action !== undefined) {
        const difference = this.#action(step);
        if (difference === undefined) return `action ${step.action}`;
        if (difference !== '') found.push(difference);
      }
    }
    const live: Flow[] = [];
    tracker.flows.forEachFlow((flow) => {
      if (tracker.flows.isAlive(flow)) live.push(readFlow(tracker.flows, flow));
      else if ((readFlow(tracker.flows, flow).status & Status.Confirmed) !== 0) tracker.flows.destroy(flow);
    });
    const tolerance = step.t_real_ms === undefined ? looseTolerance : timerTolerance + lateSeconds(step);
    const flows = compareSets(
      'flow',
      (step.flows ?? []).map(recordedText),
      live.map((flow) => this.#flowText(flow)),
      tolerance,
    );
    // a flow that expired before the kernel's were read is not in the record
    const late = lateSeconds(step);
    found.push(...flows.filter((line) => !(line.startsWith('flow too much') && Number(line.slice(line.lastIndexOf('@') + 1)) < late)));
    found.push(...compareSets('event', (step.events ?? []).map(recordedText), this.#events, tolerance));
    return found;
  }

  #packet(step: Step, now: number): string[] {
    const tracker = this.#namespace.tracker;
    const bytes = Buffer.from(step.packet!, 'hex');
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let answer: number;
    if (this.#desk.lateRules.length === 0) answer = tracker.track(view, 0, bytes.byteLength, now, step.dir === 'out' ? 'r0' : 'r1');
    else {
      answer = tracker.admit(view, 0, bytes.byteLength, now, step.dir === 'out' ? 'r0' : 'r1');
      if ((tracker.flows.happened & EventBit.New) !== 0) this.#desk.applyLate(flowOf(answer));
      tracker.leave(answer);
    }
    const recorded = typeof step.ct === 'string' ? step.ct : (step.ct ?? []).join(' ');
    const found: string[] = [];
    const text = answerText(answer);
    if (text !== recorded)
      found.push(`class ${text || '(never got there)'}, recorded ${recorded || '(never got there)'} (${tracker.flows.reason})`);
    const out = passes(tracker.decision) ? forward(bytes, answer, tracker.fragments) : [];
    if (step.forwarded !== undefined && out.length !== step.forwarded) found.push(`${out.length} forwarded, recorded ${step.forwarded}`);
    if (step.out !== undefined)
      found.push(
        ...compareSets(
          'packet',
          step.out.map(comparable),
          out.map((one) => comparable(one.toString('hex'))),
        ),
      );
    return found;
  }

  /** @returns the difference, an empty string, or undefined for an unknown action */
  #action(step: Step): string | undefined {
    const action = step.action!;
    const desk = this.#helperDesk;
    const [verb, ...words] = action.split(/\s+/);
    let ours: unknown;
    if (verb === 'cttimeout') {
      const policy = this.#namespace.timeoutPolicies.find(words[1]!);
      return compareText(policy === undefined ? undefined : String(policy.use), /USE=(\d+)/.exec(JSON.stringify(step.result))?.[1]);
    }
    if (verb === 'cthelper') ours = desk.helper(words);
    else if (verb === 'listener') ours = desk.listener(words);
    else if (verb === 'verdict') ours = desk.verdict(words[0] === 'NF_ACCEPT');
    else if (verb === 'ctnetlink') ours = desk.ctnetlink(action.slice('ctnetlink '.length));
    return ours === undefined ? undefined : compareText(JSON.stringify(ours), JSON.stringify(normalResult(step.result)));
  }

  #expectationText(event: ExpectationEvent, one: Expectation): string {
    const tracker = this.#namespace.tracker;
    const { tuple, mask } = one;
    const told: ToldExpectation = {
      event: event === 'new' ? 'EXP_NEW' : 'EXP_DESTROY',
      tuple,
      mask: { ...tuple, source: mask.source, sourcePort: mask.sourcePort },
      master: readFlow(tracker.flows, one.master).orig,
      timeout: Math.ceil((one.expiry - tracker.flows.now) / 1000),
      flags: one.flags,
      classIndex: one.classIndex,
      helper: one.helper?.name ?? tracker.flows.extras.helperOf(one.master)?.name ?? '',
    };
    return textOfExpectation(told);
  }

  #flowText(flow: Flow): string {
    return textOfFlow(toRecorded(flow, true));
  }

  #eventText(event: FlowEvent, index: number, happened: number): string {
    const flow = readFlow(this.#namespace.flows, index);
    const recorded = toRecorded(flow, event === 'destroy');
    const kind = { new: 'NEW', update: 'UPDATE', destroy: 'DESTROY' }[event];
    const whole = event === 'new' || (happened & EventBit.ProtoInfo) !== 0;
    const { tcp, sctp, timeout, ...rest } = recorded;
    const { l3: _l3, reply: _reply, master: _master, ...told } = rest;
    return textOfFlow({
      ...told,
      event: kind,
      ...(event === 'destroy' && flow.leftMs < 1000 ? {} : { timeout: event === 'destroy' ? timeout! : Math.ceil(flow.leftMs / 1000) }),
      ...(tcp !== undefined && event === 'destroy' ? { tcp: { state: tcp.state } } : {}),
      ...(tcp !== undefined && whole ? { tcp } : {}),
      ...(sctp !== undefined && event === 'destroy' ? { sctp: { state: sctp.state } } : {}),
      ...(sctp !== undefined && whole ? { sctp } : {}),
    });
  }
}

const compareText = (ours: string | undefined, recorded: string | undefined): string =>
  ours === recorded ? '' : `result ${ours}, recorded ${recorded}`;

/** A recorded result without its description: an acknowledgement as its error's name, or 0. */
function normalResult(result: unknown): unknown {
  if (!Array.isArray(result)) return result;
  return result.map((one) => {
    if (typeof one !== 'string') return one;
    const error = /ERROR (?:0|-\d+ (\w+))/.exec(one);
    return error === null ? one : (error[1] ?? 0);
  });
}

const upper = (name: string): string => name.replace(/[A-Z0-9]+/g, (part) => (/^\d/.test(part) ? part : `_${part}`)).toUpperCase();

/** A flow in the format of the records. */
function toRecorded(flow: Flow, counted: boolean): RecordedFlow {
  return {
    l3: flow.orig.family === 2 ? 'ipv4' : 'ipv6',
    orig: recordedTuple(flow.orig),
    reply: recordedTuple(flow.reply),
    status: statusNames(flow.status),
    timeout: Math.floor(flow.leftMs / 1000),
    ...(flow.tcp === undefined
      ? {}
      : { tcp: { state: upper(tcpStates[flow.tcp.state]!), wscale: flow.tcp.scales, flags: flow.tcp.flags } }),
    ...(flow.sctp === undefined ? {} : { sctp: { state: upper(sctpStates[flow.sctp.state]!), vtag: flow.sctp.tags } }),
    ...(flow.counters === undefined || !counted
      ? {}
      : {
          counters_orig: [flow.counters[0].packets, flow.counters[0].bytes],
          counters_reply: [flow.counters[1].packets, flow.counters[1].bytes],
        }),
    ...(flow.mark === 0 ? {} : { mark: flow.mark }),
    ...(flow.helper === undefined ? {} : { helper: flow.helper }),
    ...(flow.master === undefined ? {} : { master: recordedTuple(flow.master) }),
  };
}

function recordedTuple(tuple: Tuple): RecordedTuple {
  const base = { src: textOf(tuple.source), dst: textOf(tuple.destination), l4: tuple.protocol };
  switch (tuple.protocol) {
    case Protocol.Icmp:
    case Protocol.Icmpv6:
      return { ...base, icmp_id: tuple.sourcePort, type: tuple.destinationPort >>> 8, code: tuple.destinationPort & 255 };
    case Protocol.Tcp:
    case Protocol.Udp:
    case Protocol.UdpLite:
    case Protocol.Sctp:
    case Protocol.Gre:
      return { ...base, sport: tuple.sourcePort, dport: tuple.destinationPort };
    default:
      return base;
  }
}

const recordedText = (flow: RecordedFlow): string =>
  flow.raw === undefined ? textOfFlow(flow) : textOfExpectation(decodeExpectation(flow.event ?? '', Buffer.from(flow.raw, 'hex')));

/** The content of an expectation's message. Of the mask only the source is compared, the rest is fixed. */
interface ToldExpectation {
  readonly event: string;
  readonly tuple: Tuple;
  readonly mask: Tuple;
  readonly master: Tuple;
  readonly timeout: number;
  readonly flags: number;
  readonly classIndex: number;
  readonly helper: string;
}

function textOfExpectation(one: ToldExpectation): string {
  const tuple = (of: Tuple): string =>
    `${textOf(of.source)}:${of.sourcePort}>${textOf(of.destination)}:${of.destinationPort} ${of.protocol}`;
  const mask = `${textOf(one.mask.source)}:${one.mask.sourcePort}`;
  return `${one.event}; ${tuple(one.tuple)}; mask ${mask}; master ${tuple(one.master)}; class ${one.classIndex} flags ${one.flags} ${one.helper} @${one.timeout}`;
}

/** The attributes of a message or nest by type. */
function attributesOf(bytes: Buffer): Map<number, Buffer> {
  const found = new Map<number, Buffer>();
  for (let at = 0; at + 4 <= bytes.length; ) {
    const length = bytes.readUInt16LE(at);
    if (length < 4) break;
    found.set(bytes.readUInt16LE(at + 2) & 0x3fff, bytes.subarray(at + 4, at + length));
    at += (length + 3) & ~3;
  }
  return found;
}

function decodeExpectation(event: string, message: Buffer): ToldExpectation {
  const attributes = attributesOf(message.subarray(4));
  const number = (type: number): number => attributes.get(type)?.readUInt32BE(0) ?? 0;
  const tuple = (type: number): Tuple => {
    const parts = attributesOf(attributes.get(type) ?? Buffer.alloc(0));
    const ip = attributesOf(parts.get(1) ?? Buffer.alloc(0));
    const proto = attributesOf(parts.get(2) ?? Buffer.alloc(0));
    return {
      family: ip.has(1) ? 2 : 10,
      protocol: proto.get(1)?.[0] ?? 0,
      source: ip.get(1) ?? ip.get(3) ?? new Uint8Array(4),
      destination: ip.get(2) ?? ip.get(4) ?? new Uint8Array(4),
      sourcePort: proto.get(2)?.readUInt16BE(0) ?? 0,
      destinationPort: proto.get(3)?.readUInt16BE(0) ?? 0,
    };
  };
  return {
    event,
    tuple: tuple(2),
    mask: tuple(3),
    master: tuple(1),
    timeout: number(4),
    flags: number(8),
    classIndex: number(9),
    helper: attributes.get(6)?.toString('latin1').replace(/\0.*$/s, '') ?? '',
  };
}

/** A flow as one line, its timer last, because timers are compared separately. */
function textOfFlow(flow: RecordedFlow): string {
  const tuple = (one: RecordedTuple | undefined): string =>
    one === undefined
      ? ''
      : `${one.src}>${one.dst} ${['l4', 'sport', 'dport', 'icmp_id', 'type', 'code']
          .filter((key) => one[key] !== undefined)
          .map((key) => one[key])
          .join('/')}`;
  const parts = [
    flow.event ?? '',
    tuple(flow.orig),
    flow.reply === undefined ? '' : `reply ${tuple(flow.reply)}`,
    [...(flow.status ?? [])].sort().join('|'),
    flow.tcp === undefined ? '' : `${flow.tcp.state} ${flow.tcp.wscale ?? ''} flags ${flow.tcp.flags ?? ''}`,
    flow.sctp === undefined ? '' : `${flow.sctp.state} ${flow.sctp.vtag ?? ''}`,
    flow.counters_orig === undefined ? '' : `orig ${flow.counters_orig} reply ${flow.counters_reply}`,
    flow.mark === undefined ? '' : `mark ${flow.mark}`,
    flow.helper === undefined ? '' : `helper ${flow.helper}`,
    flow.master === undefined ? '' : `master ${tuple(flow.master)}`,
  ];
  return `${parts.filter((part) => part !== '').join('; ')} @${flow.timeout ?? ''}`;
}

/** Missing and additional lines; timers after the last `@` may differ within the tolerance. */
function compareSets(what: string, recorded: readonly string[], ours: readonly string[], tolerance = 0): string[] {
  const left = [...ours];
  const found: string[] = [];
  for (const one of recorded) {
    const at = left.findIndex((other) => same(one, other, tolerance));
    if (at >= 0) left.splice(at, 1);
    else found.push(`${what} missing: ${one}`);
  }
  return [...found, ...left.map((one) => `${what} too much: ${one}`)];
}

function same(a: string, b: string, tolerance: number): boolean {
  const [, bodyA, timerA] = /^(.*)@(.*)$/s.exec(a) ?? ['', a, ''];
  const [, bodyB, timerB] = /^(.*)@(.*)$/s.exec(b) ?? ['', b, ''];
  if (bodyA !== bodyB) return false;
  return timerA === timerB || (timerA !== '' && timerB !== '' && Math.abs(Number(timerA) - Number(timerB)) <= tolerance);
}

function answerText(answer: number): string {
  const direction = directionOf(answer) === 0 ? 'original' : 'reply';
  switch (classOf(answer)) {
    case PacketClass.New:
      return `new_${direction}`;
    case PacketClass.Established:
      return `established_${direction}`;
    case PacketClass.Related:
      return `related_${direction}`;
    case PacketClass.Invalid:
      return 'invalid';
    case PacketClass.Untracked:
      return 'untracked';
    default:
      return '';
  }
}

const passes = (decision: HookDecision): boolean => decision === 'pass' || decision === 'passUnconfirmed';

/** The forwarded packets: the packet, or its fragments, each with its hop limit reduced by one. */
function forward(packet: Buffer, answer: number, fragments: readonly Uint8Array[]): Buffer[] {
  const packetClass = classOf(answer);
  if (packetClass === PacketClass.Dropped || packetClass === PacketClass.Fragment) return [];
  const largest = Math.max(0, ...fragments.map((one) => one.byteLength));
  const [first] = fragments;
  if (first !== undefined && first[0]! >>> 4 === 6 && wholeLength(fragments) <= largest) return [Buffer.alloc(wholeLength(fragments))];
  if (first !== undefined && first[0]! >>> 4 === 4 && first[9] === Protocol.Tcp && first.byteLength - 20 < 20) {
    // the kernel's tracker made the TCP header contiguous, so it is fragmented again, by the size of the largest fragment
    const payload = fragments.reduce((sum, one) => sum + one.byteLength - 20, 0);
    return Array.from({ length: Math.ceil(payload / ((largest - 20) & ~7)) }, () => Buffer.alloc(0));
  }
  return (fragments.length > 0 ? fragments : [packet]).map((one) => oneHopLess(Buffer.from(one)));
}

/**
 * The reassembled IPv6 datagram: headers before the fragment header, and all payload. It leaves unfragmented if it is not larger than its
 * largest fragment.
 */
function wholeLength(fragments: readonly Uint8Array[]): number {
  const before = (one: Uint8Array): number => {
    let at = 40;
    for (let next = one[6]!; next !== 44; at += (one[at + 1]! + 1) * 8) next = one[at]! === 44 ? 44 : one[at]!;
    return at;
  };
  const [first] = fragments;
  const headers = first === undefined ? 0 : before(first);
  return headers + fragments.reduce((sum, one) => sum + one.byteLength - before(one) - 8, 0);
}

function oneHopLess(packet: Buffer): Buffer {
  if (packet[0]! >>> 4 === 6) {
    packet[7]!--;
    if (packet[6] === 44 && packet.length >= 48 && (packet.readUInt16BE(42) & 0xfff9) === 0) {
      packet[6] = packet[40]!;
      packet.writeUInt16BE(packet.readUInt16BE(4) - 8, 4);
      return Buffer.concat([packet.subarray(0, 40), packet.subarray(48)]);
    }
    return packet;
  }
  packet[8]!--;
  packet.writeUInt16BE(0, 10);
  let sum = 0;
  for (let at = 0; at < (packet[0]! & 15) * 4; at += 2) sum += packet.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  packet.writeUInt16BE(~sum & 0xffff, 10);
  return packet;
}

/** A packet as text; the identification of IPv6 fragments is new, and omitted. */
const comparable = (hex: string): string =>
  hex.startsWith('6') && hex.slice(12, 14) === '2c' ? `${hex.slice(0, 88)}${hex.slice(96)}` : hex;

/** Seconds of a policy's timeout, for other players of records. */
export const policySeconds = (ticks: number, namespace: Namespace): number => secondsOf(ticks, namespace.hz);
