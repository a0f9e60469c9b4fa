import { flowOf, type Namespace, readTuple } from '@ring3/conntrack';
import { type AnyCommand, type Call, command, Errno, isRefusal, type SubsystemRows, subsystem, validate } from '@ring3/netlink';
import {
  ConntrackMessage,
  QueueCommand,
  QueueConfig,
  QueueConfigCommand,
  QueueCopyMode,
  QueueFlags,
  QueueMessage,
  Subsystem,
  Verdict,
} from '@ring3/nfnetlink';
import { changeFlow } from '../ctnetlink/change.ts';
import type { Queue, Queues } from './queues.ts';

/** ENOTSUPP of the kernel, 524, which has no name in user space. */
const ENOTSUPP = 524;
const knownFlags = QueueFlags.FailOpen | QueueFlags.Conntrack | QueueFlags.Gso | QueueFlags.UidGid | QueueFlags.SecurityContext;

type ConfigCall = Call<(typeof QueueConfig)['table']>;
type VerdictCall = Call<(typeof QueueMessage)['table']>;

/** NFQNL_MSG_CONFIG. */
function config(queues: Queues, { attributes, resourceId, port }: ConfigCall): number {
  const wanted = attributes.get('command')?.command;
  // queues are no longer per family
  if (wanted === QueueConfigCommand.PfBind || wanted === QueueConfigCommand.PfUnbind) return 0;
  const mask = attributes.get('mask') ?? 0;
  const flags = attributes.get('flags');
  if (flags !== undefined && !attributes.has('mask')) return Errno.EINVAL;
  if (flags !== undefined && (flags & mask & ~knownFlags) !== 0) return Errno.EOPNOTSUPP;
  let queue = queues.get(resourceId);
  if (queue !== undefined && queue.portId !== port.portId) return Errno.EPERM;
  switch (wanted) {
    case undefined:
      break;
    case QueueConfigCommand.Bind:
      if (queue !== undefined) return Errno.EBUSY;
      queue = queues.bind(resourceId, port.portId);
      break;
    case QueueConfigCommand.Unbind:
      if (queue === undefined) return Errno.ENODEV;
      queues.unbind(queue);
      return 0;
    default:
      return Errno.EOPNOTSUPP;
  }
  if (queue === undefined) return Errno.ENODEV;
  configure(queue, attributes, flags === undefined ? 0 : mask, flags ?? 0);
  return 0;
}

function configure(queue: Queue, attributes: ConfigCall['attributes'], mask: number, flags: number): void {
  const parameters = attributes.get('parameters');
  if (parameters !== undefined && parameters.copyMode <= QueueCopyMode.Packet) {
    queue.copyMode = parameters.copyMode;
    if (parameters.copyMode === QueueCopyMode.Packet)
      queue.copyRange = parameters.copyRange === 0 ? 0xffff : Math.min(parameters.copyRange, 0xffff);
  }
  queue.maxLength = attributes.get('maxLength') ?? queue.maxLength;
  queue.flags = (queue.flags & ~mask) | (flags & mask);
}

/** The queue of a verdict, if it belongs to the sender and the verdict is valid. @returns the queue or a positive errno */
function judged(queues: Queues, { attributes, resourceId, port }: VerdictCall): { queue: Queue; verdict: number; id: number } | number {
  const queue = queues.get(resourceId);
  if (queue === undefined) return Errno.ENODEV;
  if (queue.portId !== port.portId) return Errno.EPERM;
  const header = attributes.get('verdict');
  if (header === undefined) return Errno.EINVAL;
  const { verdict, id } = header;
  const code = verdict & 0xff;
  return code > Verdict.Stop || code === Verdict.Stolen ? Errno.EINVAL : { queue, verdict, id };
}

/** NFQNL_MSG_VERDICT. */
function verdictOne(namespace: Namespace, queues: Queues, call: VerdictCall): number {
  const found = judged(queues, call);
  if (typeof found === 'number') return found;
  const { queue, verdict, id } = found;
  const packet = queue.waiting.get(id);
  if (packet === undefined) return Errno.ENOENT;
  changeConntrack(namespace, flowOf(packet.answer), call);
  queues.verdict(queue, id, verdict, call.attributes.bytes('payload'));
  return 0;
}

/** NFQA_CT of a verdict: changes the packet's flow, up to the first invalid attribute. */
function changeConntrack(namespace: Namespace, flow: number, { attributes }: VerdictCall): void {
  const bytes = attributes.bytes('conntrack');
  if (bytes === undefined || flow < 0) return;
  const { frame } = attributes;
  const found = validate(ConntrackMessage, frame, bytes.byteOffset - frame.bytes.byteOffset, bytes.length);
  if (!isRefusal(found)) changeFlow(namespace, flow, found, readTuple(namespace.flows.table, flow, 0).protocol);
}

/** NFQNL_MSG_VERDICT_BATCH: all packets up to an id. */
function verdictBatch(queues: Queues, call: VerdictCall): number {
  const found = judged(queues, call);
  if (typeof found === 'number') return found;
  return queues.verdictBatch(found.queue, found.id, found.verdict) ? 0 : Errno.ENOENT;
}

/** Subsystem 3, nfnetlink_queue. */
export function queue(namespace: Namespace, queues: Queues): SubsystemRows {
  const row = (handle: (call: VerdictCall) => number): AnyCommand => command({ attributes: QueueMessage, handle });
  return subsystem(Subsystem.Queue, {
    [QueueCommand.Packet]: row(() => ENOTSUPP),
    [QueueCommand.Verdict]: row((call) => verdictOne(namespace, queues, call)),
    [QueueCommand.Config]: command({ attributes: QueueConfig, handle: (call) => config(queues, call) }),
    [QueueCommand.VerdictBatch]: row((call) => verdictBatch(queues, call)),
  });
}
