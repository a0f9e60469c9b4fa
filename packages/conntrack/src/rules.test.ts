import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock, fakeRandom } from '@ring3/kit';
import fc from 'fast-check';
import { classOf, flowOf } from './answer.ts';
import { Family } from './engine.ts';
import { createNamespace, type Namespace } from './namespace.ts';
import { Packet, PacketClass } from './packet/packet.ts';
import { udpDatagram } from './testing.ts';

const make = (): Namespace => {
  const namespace = createNamespace({ clock: new FakeClock(), random: fakeRandom(1), flows: 64 });
  Object.assign(namespace.settings, { checksum: 0, ipChecksum: 0 });
  for (const [name, l3num, l4] of [
    ['udp4', 2, 17],
    ['udp6', 10, 17],
    ['any', 2, 255],
    ['nowhere', 0, 17],
  ] as const) {
    namespace.timeoutPolicies.set({ name, l3num, l4, timeouts: () => [7, 77] }, { exclusive: true, replace: false });
  }
  return namespace;
};

const udp = (to: number, destinationPort: number): DataView => udpDatagram({ to, destinationPort });

const ipv4 = Family.Ipv4;

test('a policy can be attached only for its family and protocol; the generic policy only for protocols without a tracker', () => {
  const { rules } = make();
  const refusal = (match: Parameters<typeof rules.add>[0], timeout: string): string => {
    const made = rules.add(match, { timeout });
    return typeof made === 'string' ? made : 'added';
  };
  assert.equal(refusal({ family: ipv4, protocol: 17 }, 'unknown'), 'ENOENT');
  assert.equal(refusal({ family: ipv4, protocol: 17 }, 'udp6'), 'EINVAL');
  assert.equal(refusal({ family: ipv4, protocol: 17 }, 'nowhere'), 'EINVAL');
  assert.equal(refusal({ family: ipv4, protocol: 6 }, 'udp4'), 'EINVAL');
  assert.equal(refusal({ family: ipv4 }, 'udp4'), 'EINVAL');
  assert.equal(refusal({ family: ipv4, protocol: 17, protocolInverted: true }, 'udp4'), 'EINVAL');
  assert.equal(refusal({ family: ipv4, protocol: 6 }, 'any'), 'EINVAL');
  assert.equal(refusal({ family: ipv4, protocol: 253 }, 'any'), 'added');
  assert.equal(refusal({ family: ipv4, protocol: 17 }, 'udp4'), 'added');
});

test('each rule holds one reference to its policy and releases it when the rule is removed', () => {
  const { rules, timeoutPolicies } = make();
  const policy = timeoutPolicies.find('udp4')!;
  const first = rules.add({ family: ipv4, protocol: 17 }, { timeout: 'udp4' });
  rules.add({ family: ipv4, protocol: 17 }, { timeout: 'udp4' });
  assert.equal(policy.use, 3);
  assert.equal(timeoutPolicies.delete('udp4'), 'busy');
  assert.ok(typeof first !== 'string' && rules.delete(first.id) && !rules.delete(first.id));
  assert.equal(rules.flush(), 1);
  assert.equal(policy.use, 1);
});

test('the first rule that matches decides, by ports, addresses and interface', () => {
  const { rules, tracker } = make();
  rules.add({ family: ipv4, protocol: 17, destinationPort: { from: 50, to: 60 }, ingress: 'eth+' }, { notrack: true });
  rules.add({ destination: { address: Uint8Array.of(10, 0, 0, 8), length: 29 } }, { zone: 5 });
  const classAt = (to: number, dport: number, ingress: string): PacketClass => classOf(tracker.track(udp(to, dport), 0, 28, 0, ingress));
  assert.equal(classAt(2, 53, 'eth0'), PacketClass.Untracked);
  assert.equal(classAt(2, 53, 'wlan0'), PacketClass.New);
  assert.equal(classAt(2, 61, 'eth0'), PacketClass.New);
  const zoned = flowOf(tracker.track(udp(9, 99), 0, 28, 0, 'wlan0'));
  assert.equal(tracker.flows.table.word(zoned, 28) & 0xffff, 5);
  const bare = flowOf(tracker.track(udp(16, 99), 0, 28, 0, 'wlan0'));
  assert.equal(tracker.flows.table.word(bare, 28) & 0xffff, 0);
});

test('a deleted policy is removed from its flows: their timers continue, the defaults apply from the next packet', () => {
  const { rules, timeoutPolicies, tracker } = make();
  const rule = rules.add({ family: ipv4, protocol: 17 }, { timeout: 'udp4' });
  const flow = flowOf(tracker.track(udp(2, 53), 0, 28, 0));
  assert.equal(tracker.flows.leftOf(flow), 7000);
  assert.ok(typeof rule !== 'string' && rules.delete(rule.id));
  assert.equal(timeoutPolicies.delete('udp4'), undefined);
  assert.equal(tracker.flows.leftOf(flow), 7000);
  tracker.track(udp(2, 53), 0, 28, 1000);
  assert.equal(tracker.flows.leftOf(flow), 30_000);
});

test('a prefix matches addresses with its leading bits, in both families; inverted, it matches all others', () => {
  const bytes = (family: number): fc.Arbitrary<Uint8Array> =>
    fc.uint8Array({ minLength: family === 2 ? 4 : 16, maxLength: family === 2 ? 4 : 16 });
  const { rules } = make();
  const cases = fc
    .constantFrom(2, 10)
    .chain((family) => fc.tuple(fc.constant(family), bytes(family), bytes(family), fc.nat(family === 2 ? 32 : 128), fc.boolean()));
  fc.assert(
    fc.property(cases, ([family, prefix, address, length, inverted]) => {
      const near = prefix.slice();
      near[near.length - 1] = address[near.length - 1]!;
      for (const one of [address, near]) {
        rules.flush();
        rules.add({ source: { address: prefix, length, inverted } }, { notrack: true });
        const view = new DataView(one.buffer, one.byteOffset);
        const packet = new Packet();
        packet.family = family;
        packet.source0 = view.getInt32(0);
        if (family === 10) {
          packet.source1 = view.getInt32(4);
          packet.source2 = view.getInt32(8);
          packet.source3 = view.getInt32(12);
        }
        const bit = (of: Uint8Array, i: number): number => (of[i >> 3]! >> (7 - (i & 7))) & 1;
        const inside = Array.from({ length }, (_, i) => i).every((i) => bit(prefix, i) === bit(one, i));
        assert.equal(rules.find(packet, '', false) !== undefined, inside !== inverted);
      }
    }),
  );
});

test('rules are replaced together, before those that stay: all or none, and what both name stays held', () => {
  const { rules, timeoutPolicies } = make();
  const match = { family: ipv4, protocol: 17 };
  const ids = (made: ReturnType<typeof rules.replace>): ReadonlySet<number> => new Set('refused' in made ? [] : made.map(({ id }) => id));
  const first = rules.replace(new Set(), [
    { match, target: { timeout: 'udp4' } },
    { match, target: { zone: 3 } },
  ]);
  const other = rules.add(match, { notrack: true });
  assert.deepEqual(
    rules.replace(ids(first), [
      { match, target: { zone: 4 } },
      { match, target: { timeout: 'unknown' } },
    ]),
    {
      at: 1,
      refused: 'ENOENT',
    },
  );
  assert.deepEqual(
    rules.list().map(({ target }) => target),
    [{ timeout: 'udp4' }, { zone: 3 }, { notrack: true }],
  );
  assert.equal(timeoutPolicies.delete('udp4'), 'busy');
  const second = rules.replace(ids(first), [{ match, target: { timeout: 'udp4' } }]);
  assert.equal(timeoutPolicies.delete('udp4'), 'busy');
  assert.deepEqual(rules.list(), [...(second as readonly object[]), other]);
  assert.deepEqual(rules.replace(ids(second), []), []);
  assert.notEqual(timeoutPolicies.delete('udp4'), 'busy');
});
