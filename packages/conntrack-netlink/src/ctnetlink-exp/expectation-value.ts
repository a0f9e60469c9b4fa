import { type Expectation, type Namespace, readFlow } from '@ring3/conntrack';
import { tupleValue } from '../ctnetlink/tuple.ts';

/** An expectation as the value of a CTA_EXPECT_* message. */
export function expectationValue({ flows }: Namespace, expectation: Expectation) {
  const { tuple, mask } = expectation;
  const master = flows.table.isUsed(expectation.master) ? readFlow(flows, expectation.master) : undefined;
  const all = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes.length).fill(0xff);
  const maskTuple = {
    ...tuple,
    source: mask.source,
    destination: all(tuple.destination),
    sourcePort: mask.sourcePort,
    destinationPort: 0xffff,
  };
  return {
    tuple: tupleValue(tuple),
    mask: tupleValue(maskTuple),
    master: master === undefined ? undefined : tupleValue(master.orig),
    timeout: Math.max(0, Math.floor((expectation.expiry - flows.now) / 1000)),
    id: expectation.id,
    flags: expectation.flags,
    classIndex: expectation.classIndex,
    helpName: master?.helper, // also if the flow that it expects gets another one
    zone: (tuple.zone ?? 0) === 0 ? undefined : tuple.zone,
  };
}
