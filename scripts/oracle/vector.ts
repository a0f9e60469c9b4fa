import type { ProfileName } from '@ring3/conntrack';
import { Errno, errnoName } from '@ring3/netlink';
import { fromHex, toHex } from '@ring3/wire';
import { difference } from './decode.ts';
import type { NetlinkStep, Outcome, Step, SysctlStep, Vector } from './format.ts';
import { Unsupported } from './format.ts';
import { Machine, type Realm } from './machine.ts';
import { runShell } from './shell.ts';

/** Plays one vector against a ring3 of its own and compares every answer byte for byte. */
export async function playVector(vector: Vector, profile: ProfileName = 'current'): Promise<Outcome> {
  const machine = new Machine(vector.opts, profile);
  const differences: string[] = [];
  try {
    for (const [i, step] of vector.steps.entries()) {
      for (const found of await playStep(machine, step)) differences.push(`step ${i + 1}: ${found}`);
    }
  } catch (error) {
    if (!(error instanceof Unsupported)) throw error;
    if (differences.length === 0) return { name: vector.name, kind: 'skipped', reason: error.message };
  } finally {
    machine.close();
  }
  return differences.length === 0 ? { name: vector.name, kind: 'passed' } : { name: vector.name, kind: 'failed', differences };
}

async function playStep(machine: Machine, step: Step): Promise<string[]> {
  switch (step.op) {
    case undefined:
    case 'nl':
      return playNetlink(machine, step);
    case 'sysctl':
      return playSysctl(machine.home, step);
    case 'sh': {
      const status = await runShell(machine, step.cmd);
      return (status === 0) === (step.rc === 0) ? [] : [`\`${step.cmd}\`: exit status ${step.rc} wanted, ${status} found`];
    }
    case 'close':
      machine.closeSocket(step.sock ?? 'a');
      return [];
    default:
      throw new Unsupported(`a step of the kind ${JSON.stringify((step as { op: string }).op)}`);
  }
}

function playNetlink(machine: Machine, step: NetlinkStep): string[] {
  const link = machine.socket(step.sock ?? 'a');
  const found: string[] = [];
  if (step.send !== undefined) {
    const answer = link.send(fromHex(step.send));
    const errno = answer < 0 ? errnoName(answer) : undefined;
    if (errno !== step.send_errno) found.push(`send: ${step.send_errno ?? 'success'} wanted, ${errno ?? 'success'} found`);
  }
  const { recv = 'all', bufsize = 65_536 } = step;
  const most = recv === 'none' ? 0 : recv === 'all' ? Number.POSITIVE_INFINITY : recv;
  const replies: string[] = [];
  while (replies.length < most) {
    const datagram = link.receive(bufsize);
    if (typeof datagram !== 'number') replies.push(toHex(withoutPortIds(datagram)));
    else {
      const errno = datagram === -Errno.EAGAIN ? undefined : errnoName(datagram);
      if (errno !== step.recv_errno) found.push(`receive: ${step.recv_errno ?? 'nothing'} wanted, ${errno ?? 'nothing'} found`);
      break;
    }
  }
  return [...found, ...difference(step.replies, replies)];
}

/** Sets the port id of every message's header to zero, as the recorder did, also in a message that a short buffer cut. */
export function withoutPortIds(datagram: Uint8Array): Uint8Array {
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

function playSysctl({ namespace }: Realm, step: SysctlStep): string[] {
  const found: string[] = [];
  const failures = { unknown: 'ENOENT', readOnly: 'EACCES', invalid: 'EINVAL' } as const;
  let errno: string | undefined;
  for (const [name, value] of Object.entries(step.set ?? {})) {
    const failure = namespace.sysctls.set(name, String(value));
    if (failure !== undefined) errno = failures[failure];
  }
  if (errno !== step.set_errno) found.push(`set: ${step.set_errno ?? 'success'} wanted, ${errno ?? 'success'} found`);
  for (const name of step.get ?? []) {
    const value = namespace.sysctls.get(name) ?? 'ENOENT';
    if (value !== step.values[name]) found.push(`${name}: ${step.values[name]} wanted, ${value} found`);
  }
  return found;
}
