import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { classOf, createNamespace, deleteFlows, PacketClass } from '@ring3/conntrack';
import { FakeClock, fakeRandom } from '@ring3/kit';

const golden = join(import.meta.dirname, '../golden');

/** The packets of the recorded scenarios: seeds. */
function seeds(): Uint8Array[] {
  return ['conntrack', 'conntrack-random'].flatMap((folder) =>
    readdirSync(join(golden, folder)).flatMap((name) =>
      [...readFileSync(join(golden, folder, name), 'utf8').matchAll(/"packet": "([0-9a-f]+)"/g)].map((found) =>
        Uint8Array.from(Buffer.from(found[1]!, 'hex')),
      ),
    ),
  );
}

/** How many `npm run fuzz` tries unless told otherwise. */
export const inputs = 10_000_000;

/**
 * Packets into the tracker: recorded ones, cut, with bytes changed, and pieced together from two; and noise. Each gets an answer, and the table
 * stays whole.
 * @returns packets that were tracked
 */
export function fuzz(count: number, seed: number): number {
  const random = fakeRandom(seed);
  const below = (limit: number): number => random.u32() % limit;
  const packets = seeds();
  const namespace = createNamespace({ clock: new FakeClock(), random, flows: 4096 });
  const { tracker, settings, rules } = namespace;
  rules.add({ family: 2, protocol: 6, destinationPort: { from: 21, to: 21 } }, { helper: 'ftp' });
  const buffer = new Uint8Array(4096);
  const view = new DataView(buffer.buffer);
  let now = 0;
  for (let i = 0; i < count; i++) {
    let length = fill(buffer, packets, below);
    if (below(8) === 0) length = below(length + 1);
    if (i % 1000 === 0)
      Object.assign(settings, { checksum: below(2), ipChecksum: below(2), snapped: below(2), acct: below(2), max: 1 + below(4096) });
    now += below(4) === 0 ? below(60_000) : below(5);
    const answer = classOf(tracker.track(view, 0, length, now, below(2) === 0 ? 'r0' : 'r1'));
    assert.ok(answer >= PacketClass.New && answer <= PacketClass.Fragment, `class ${answer}`);
    if (i % 10_000 === 0) check(namespace);
  }
  check(namespace);
  deleteFlows(tracker);
  tracker.advance(now + 400 * 86_400_000);
  assert.equal(tracker.table.used, 0);
  return count;
}

/** One packet. @returns its length */
function fill(buffer: Uint8Array, packets: readonly Uint8Array[], below: (limit: number) => number): number {
  const first = packets[below(packets.length)]!;
  const kind = below(16);
  if (kind === 0) {
    const length = below(200);
    for (let i = 0; i < length; i++) buffer[i] = below(256);
    if (length > 0) buffer[0] = below(2) === 0 ? 0x45 : 0x60;
    return length;
  }
  buffer.set(first);
  let length = first.length;
  if (kind === 1) {
    const second = packets[below(packets.length)]!;
    const at = below(first.length);
    buffer.set(second, at);
    length = at + second.length;
  }
  if (kind < 12) for (let k = below(4); k >= 0; k--) buffer[below(length)] = below(256);
  return length;
}

function check({ tracker }: ReturnType<typeof createNamespace>): void {
  let used = 0;
  tracker.forEachFlow(() => used++);
  assert.equal(used, tracker.table.used);
  assert.equal(used, tracker.table.confirmed);
}
