import { Errno, errnoName } from '@ring3/netlink';
import { fromHex, toHex } from '@ring3/wire';
import { difference } from './difference.ts';
import { type NetlinkStep, type Outcome, type Step, type SysctlStep, Unsupported, type Vector } from './format.ts';
import type { MakeParty, Party } from './party.ts';

/** Compares the datagrams of one step, in hexadecimal. @returns the differences */
export type Differ = (wanted: readonly string[], found: readonly string[]) => string[];

/** Plays one vector against a new party and compares every response byte for byte. */
export async function playVector(vector: Vector, make: MakeParty, differ: Differ = difference): Promise<Outcome> {
  const differences: string[] = [];
  let party: Party | undefined;
  try {
    party = make(vector.opts ?? {});
    for (const [i, step] of vector.steps.entries()) {
      for (const found of compare(step, await perform(party, step), differ)) differences.push(`step ${i + 1}: ${found}`);
    }
  } catch (error) {
    if (!(error instanceof Unsupported)) throw error;
    if (differences.length === 0) return { name: vector.name, kind: 'skipped', reason: error.message };
  } finally {
    party?.close();
  }
  return differences.length === 0 ? { name: vector.name, kind: 'passed' } : { name: vector.name, kind: 'failed', differences };
}

/** Plays a vector against a party. @returns the vector with the responses @throws Unsupported */
export async function recordVector(vector: Vector, make: MakeParty): Promise<Vector> {
  const party = make(vector.opts ?? {});
  try {
    const steps: Step[] = [];
    for (const step of vector.steps) steps.push(await perform(party, step));
    return { ...vector, steps };
  } finally {
    party.close();
  }
}

/** Runs one step. @returns the step with its result */
async function perform(party: Party, step: Step): Promise<Step> {
  switch (step.op) {
    case undefined:
    case 'nl':
      return performNetlink(party, step);
    case 'sysctl':
      return performSysctl(party, step);
    case 'sh':
      return { op: 'sh', cmd: step.cmd, rc: await party.shell(step.cmd) };
    case 'join':
      for (const group of step.groups) party.socket(step.sock ?? 'a').join(group);
      return step;
    case 'close':
      party.closeSocket(step.sock ?? 'a');
      return step;
    default:
      throw new Unsupported(`a step of the kind ${JSON.stringify((step as { op: string }).op)}`);
  }
}

function performNetlink(party: Party, step: NetlinkStep): NetlinkStep {
  const { sock = 'a', send, recv = 'all', bufsize = 65_536 } = step;
  const socket = party.socket(sock);
  const sent = send === undefined ? 0 : socket.send(fromHex(send));
  const most = recv === 'none' ? 0 : recv === 'all' ? Number.POSITIVE_INFINITY : recv;
  const replies: string[] = [];
  let failed = 0;
  while (failed === 0 && replies.length < most) {
    const datagram = socket.receive(bufsize);
    if (typeof datagram === 'number') failed = datagram;
    else replies.push(toHex(withoutPortIds(datagram)));
  }
  return {
    op: 'nl',
    sock,
    recv,
    bufsize,
    ...(send === undefined ? {} : { send }),
    ...(sent < 0 ? { send_errno: errnoName(sent) } : {}),
    ...(failed < 0 && failed !== -Errno.EAGAIN ? { recv_errno: errnoName(failed) } : {}),
    replies,
  };
}

/** Sets the port id of every message's header to zero, as the recorder did, also in a truncated message. */
function withoutPortIds(datagram: Uint8Array): Uint8Array {
  const bytes = datagram.slice();
  const view = new DataView(bytes.buffer);
  for (let at = 0; at + 16 <= bytes.length; ) {
    const length = view.getUint32(at, true);
    view.setUint32(at + 12, 0);
    if (length < 16) break;
    at += (length + 3) & ~3;
  }
  return bytes;
}

function performSysctl(party: Party, { get = [], set = {} }: SysctlStep): SysctlStep {
  let failed: string | undefined;
  for (const [name, value] of Object.entries(set)) failed = party.setSysctl(name, String(value)) ?? failed;
  const values = Object.fromEntries(get.map((name) => [name, party.sysctl(name)]));
  return { op: 'sysctl', get, set, values, ...(failed === undefined ? {} : { set_errno: failed }) };
}

/** The differences between a recorded step and its current result. */
function compare(wanted: Step, found: Step, differ: Differ): string[] {
  const lines: string[] = [];
  const same = (what: string, left: unknown, right: unknown): void => {
    if (left !== right) lines.push(`${what}: ${left ?? 'success'} wanted, ${right ?? 'success'} found`);
  };
  if (wanted.op === 'sysctl' && found.op === 'sysctl') {
    same('set', wanted.set_errno, found.set_errno);
    for (const [name, value] of Object.entries(wanted.values)) same(name, value, found.values[name]);
  } else if (wanted.op === 'sh' && found.op === 'sh') {
    same(`whether \`${wanted.cmd}\` succeeds`, wanted.rc === 0, found.rc === 0);
  } else if (isNetlink(wanted) && isNetlink(found)) {
    same('send', wanted.send_errno, found.send_errno);
    same('receive', wanted.recv_errno, found.recv_errno);
    lines.push(...differ(wanted.replies, found.replies));
  }
  return lines;
}

const isNetlink = (step: Step): step is NetlinkStep => step.op === undefined || step.op === 'nl';
