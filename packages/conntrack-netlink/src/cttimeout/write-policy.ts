import type { Namespace, TimeoutPolicy, Timeouts } from '@ring3/conntrack';
import { secondsOf } from '@ring3/conntrack';
import type { Block, MessageHead } from '@ring3/netlink';
import { TimeoutMessage, timeoutNameMax } from '@ring3/nfnetlink';
import { AttributeWriter } from '../attribute-writer.ts';

const { name, l3proto, l4proto, use, data } = TimeoutMessage.table;
/** Bytes of an attribute that holds one number. */
const oneNumber = 8;
/** Upper bound of the size of a policy's attributes: four numbers, a nest, its name and timeouts. */
const most = (timeouts: number): number => timeoutNameMax + 8 + (timeouts + 5) * oneNumber;

const writer = new AttributeWriter();

/** Writes a policy as a CTA_TIMEOUT_* message, directly from its ticks. @returns false if the block is full */
export function writePolicy(block: Block, head: MessageHead, policy: TimeoutPolicy, { hz }: Namespace): boolean {
  writer.start(block, block.begin(head, most(policy.timeouts.length)));
  writer.name(name.type, policy.name);
  writer.be16(l3proto.type, policy.l3num);
  writer.u8(l4proto.type, policy.l4);
  writer.be32(use.type, policy.use);
  writeTimeouts(policy.timeouts, hz);
  return block.finish(writer.at);
}

/** Writes the default timeouts of a protocol as a CTA_TIMEOUT_* message. */
export function writeDefaults(block: Block, head: MessageHead, l3num: number, l4: number, timeouts: Timeouts, hz: number): void {
  writer.start(block, block.begin(head, most(timeouts.length)));
  writer.be16(l3proto.type, l3num);
  writer.u8(l4proto.type, l4);
  writeTimeouts(timeouts, hz);
  block.finish(writer.at);
}

/** CTA_TIMEOUT_DATA: the type of a timeout is its index + 1. */
function writeTimeouts(timeouts: Timeouts, hz: number): void {
  const nest = writer.open(data.type);
  for (let i = 0; i < timeouts.length; i++) writer.be32(i + 1, secondsOf(timeouts[i] as number, hz));
  writer.close(nest);
}
