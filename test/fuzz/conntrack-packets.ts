import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { classOf, createNamespace, deleteFlows, PacketClass } from '@ring3/conntrack';
import { FakeClock, fakeRandom } from '@ring3/kit';
import { fuzzing } from './fuzzing.ts';

const golden = join(import.meta.dirname, '../golden');

/** The packets of the recorded scenarios. */
function recordedPackets(): Uint8Array[] {
  return ['conntrack', 'conntrack-random'].flatMap((directory) =>
    readdirSync(join(golden, directory)).flatMap((name) =>
      [...readFileSync(join(golden, directory, name), 'utf8').matchAll(/"packet": "([0-9a-f]+)"/g)].map(([, hex = '']) =>
        Uint8Array.from(Buffer.from(hex, 'hex')),
      ),
    ),
  );
}

/** Default number of inputs of `npm run fuzz`. */
export const inputs = 10_000_000;

/**
 * Packets into the tracker, on both interfaces, while time passes and settings change. Each packet gets a class, the table stays consistent, and
 * nothing remains when every timeout has passed.
 */
export const fuzz = fuzzing((seed) => {
  const random = fakeRandom(seed);
  const below = (limit: number): number => random.u32() % limit;
  const namespace = createNamespace({ clock: new FakeClock(), random, flows: 4096 });
  const { tracker, settings, rules } = namespace;
  rules.add({ family: 2, protocol: 6, destinationPort: { from: 21, to: 21 } }, { helper: 'ftp' });
  const check = (): void => {
    let used = 0;
    tracker.flows.forEachFlow(() => used++);
    assert.equal(used, tracker.flows.table.used);
    assert.equal(used, tracker.flows.table.confirmed);
  };
  let [now, count] = [0, 0];
  return {
    seeds: recordedPackets(),
    run: (packet) => {
      if (count % 1000 === 0)
        Object.assign(settings, { checksum: below(2), ipChecksum: below(2), snapped: below(2), acct: below(2), max: 1 + below(4096) });
      if (count++ % 10_000 === 0) check();
      now += below(4) === 0 ? below(60_000) : below(5);
      const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
      const answer = classOf(tracker.track(view, 0, packet.length, now, below(2) === 0 ? 'r0' : 'r1'));
      assert.ok(answer >= PacketClass.New && answer <= PacketClass.Fragment, `class ${answer}`);
    },
    end: () => {
      check();
      deleteFlows(tracker.flows);
      tracker.flows.advance(now + 400 * 86_400_000);
      assert.equal(tracker.flows.table.used, 0);
    },
  };
});
