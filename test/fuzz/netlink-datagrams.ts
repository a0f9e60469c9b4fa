import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createNamespace, deleteFlows, type Namespace } from '@ring3/conntrack';
import { createNetlinkServer } from '@ring3/conntrack-netlink';
import { FakeClock, fakeRandom } from '@ring3/kit';
import { Errno, headerLength, MessageType, memoryLink, messages, PortOption } from '@ring3/netlink';
import { fuzzing } from './fuzzing.ts';

const golden = join(import.meta.dirname, '../golden');

/** The datagrams of the recorded vectors, up to 1,000 bytes. */
function recordedDatagrams(): Uint8Array[] {
  const texts = new Set<string>();
  for (const directory of ['cttimeout', 'cthelper', 'ctnetlink']) {
    for (const name of readdirSync(join(golden, directory))) {
      for (const [, hex = ''] of readFileSync(join(golden, directory, name), 'utf8').matchAll(/"send": ?"([0-9a-f]+)"/g))
        if (hex.length < 2000) texts.add(hex);
    }
  }
  return [...texts].map((hex) => Uint8Array.from(Buffer.from(hex, 'hex')));
}

/** Default number of inputs of `npm run fuzz`. */
export const inputs = 10_000_000;

/**
 * Datagrams into the netlink server. Each gets its responses or none, every response is complete, no handler throws, and a rejected request neither
 * creates nor deletes an object.
 */
export const fuzz = fuzzing((seed) => {
  const random = fakeRandom(seed);
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
  let count = 0;
  return {
    seeds: recordedDatagrams(),
    run: (datagram) => {
      const before = sizes(namespace);
      sender.send(datagram);
      const errors = drain(sender);
      drain(listener);
      const rejected = errors.length === 1 && errors[0] !== 0 && messages(datagram).length === 1;
      if (rejected) expectNoChange(before, sizes(namespace));
      if (count % 64 === 0) clock.advance(random.u32() % 5000);
      if (count++ % 2048 === 0) empty(namespace);
    },
    end: () => namespace.close(),
  };
});

/**
 * A rejected request created and deleted nothing. A change of a flow is applied attribute by attribute, as the kernel does
 * (test/golden/ctnetlink/03-partial-change.json): a request that removes the helper and is rejected for a later attribute has removed the helper's
 * expectations.
 */
function expectNoChange(before: readonly number[], after: readonly number[]): void {
  assert.deepEqual(after.slice(0, -1), before.slice(0, -1));
  assert.ok((after.at(-1) ?? 0) <= (before.at(-1) ?? 0));
}

/** Receives every queued datagram. @returns the errno of each acknowledgement */
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

/** The number of policies, helpers, flows and expectations. Expired flows are removed first. */
function sizes({ timeoutPolicies, host, tracker, clock }: Namespace): number[] {
  tracker.flows.advance(clock.now());
  return [timeoutPolicies.size, host.helpers.size, tracker.flows.table.confirmed, tracker.expectations.size];
}

function empty(namespace: Namespace): void {
  namespace.timeoutPolicies.flush();
  namespace.host.helpers.delete(undefined, undefined, namespace.profile);
  deleteFlows(namespace.flows);
}
