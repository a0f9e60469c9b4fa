import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createNamespace, deleteFlows, type Namespace } from '@ring3/conntrack';
import { createNetlinkServer } from '@ring3/conntrack-netlink';
import { FakeClock, fakeRandom } from '@ring3/kit';
import { Errno, headerLength, MessageType, memoryLink, messages, PortOption } from '@ring3/netlink';

const golden = join(import.meta.dirname, '../golden');

/** The datagrams of the recorded vectors: seeds. */
function seeds(): Uint8Array[] {
  const texts = new Set<string>();
  for (const folder of ['cttimeout', 'cthelper', 'ctnetlink']) {
    for (const name of readdirSync(join(golden, folder))) {
      for (const [, hex] of readFileSync(join(golden, folder, name), 'utf8').matchAll(/"send": ?"([0-9a-f]+)"/g))
        if (hex!.length < 2000) texts.add(hex!);
    }
  }
  return [...texts].map((hex) => Uint8Array.from(Buffer.from(hex, 'hex')));
}

/** How many `npm run fuzz` tries unless told otherwise. */
export const inputs = 10_000_000;

/**
 * Datagrams into the netlink server: recorded ones, cut, with bytes changed, and pieced together from two; and noise. Each gets its answers or
 * none, every answer is whole, no handler fails inside, and what was refused made and removed nothing.
 * @returns datagrams that were sent
 */
export function fuzz(count: number, seed: number): number {
  const random = fakeRandom(seed);
  const below = (limit: number): number => random.u32() % limit;
  const datagrams = seeds();
  const clock = new FakeClock();
  const namespace = createNamespace({ clock, random, flows: 1024 });
  const server = createNetlinkServer(namespace, {
    fault: ({ error }) => {
      throw error;
    },
  });
  const [sender, listener] = [memoryLink(server), memoryLink(server)];
  sender.setOption(PortOption.ExtAck, 1);
  for (let group = 1; group <= 6; group++) listener.join(group);
  const buffer = new Uint8Array(4096);
  for (let i = 0; i < count; i++) {
    const length = fill(buffer, datagrams, below);
    const before = sizes(namespace);
    sender.send(buffer.subarray(0, length));
    const errors = drain(sender);
    drain(listener);
    const alone = errors.length === 1 && errors[0] !== 0 && messages(buffer.subarray(0, length)).length === 1;
    if (alone) expectNothingMade(before, sizes(namespace), buffer.subarray(0, length));
    if (i % 64 === 0) clock.advance(below(5000));
    if (i % 2048 === 0) empty(namespace);
  }
  namespace.close();
  return count;
}

/**
 * A refused request made and removed nothing; but a change of a flow is carried out attribute by attribute, as the kernel does it (test/golden/ctnetlink/03-partial-change.json), so one that takes the
 * helper away and is refused for a later attribute has ended what the helper expected.
 */
function expectNothingMade(before: readonly number[], after: readonly number[], datagram: Uint8Array): void {
  const text = Buffer.from(datagram).toString('hex');
  assert.deepEqual(after.slice(0, -1), before.slice(0, -1), text);
  assert.ok(after.at(-1)! <= before.at(-1)!, text);
}

/** One datagram. @returns its length */
function fill(buffer: Uint8Array, datagrams: readonly Uint8Array[], below: (limit: number) => number): number {
  const first = datagrams[below(datagrams.length)]!;
  const kind = below(16);
  if (kind === 0) {
    const length = 1 + below(120);
    for (let i = 0; i < length; i++) buffer[i] = below(256);
    return length;
  }
  buffer.set(first);
  let length = first.length;
  if (kind === 1) {
    const second = datagrams[below(datagrams.length)]!;
    const at = below(first.length) & ~3;
    buffer.set(second, at);
    length = at + second.length;
  }
  if (kind < 12) for (let k = below(3); k >= 0; k--) buffer[below(length)] = below(256);
  return kind === 12 ? 1 + below(length) : length;
}

/** Takes all that waits. @returns the errno of each acknowledgement */
function drain(link: ReturnType<typeof memoryLink>): number[] {
  const errors: number[] = [];
  for (;;) {
    const datagram = link.receive();
    if (datagram === -Errno.EAGAIN) return errors;
    if (typeof datagram === 'number') continue;
    const found = messages(datagram);
    assert.ok(found.length > 0);
    for (const { header, frame, at } of found) {
      if (header.type === MessageType.Error) errors.push(Math.abs(frame.view.getInt32(at + headerLength, true)));
    }
  }
}

/** How many of everything there are now; flows whose time is over are gone. */
function sizes({ timeoutPolicies, host, tracker, clock }: Namespace): number[] {
  tracker.advance(clock.now());
  return [timeoutPolicies.size, host.helpers.size, tracker.table.confirmed, tracker.expectations.size];
}

function empty(namespace: Namespace): void {
  namespace.timeoutPolicies.flush();
  namespace.host.helpers.delete(undefined, undefined, namespace.profile);
  deleteFlows(namespace.tracker);
}
