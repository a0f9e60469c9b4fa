/**
 * Reads a capture and tracks its packets; `replay.ts` compares it with other programs. Prints the numbers of packets, flows and invalid
 * packets.
 */
import { openCapture } from '@ring3/capture';
import { Batch, createNamespace } from '@ring3/conntrack';
import { FakeClock } from '@ring3/kit';

using capture = openCapture(process.argv[2] ?? '');
const batch = new Batch(new DataView(new ArrayBuffer(0)));
capture.fill(batch);
const { tracker, settings } = createNamespace({ clock: new FakeClock(batch.times[0], batch.times[0]) });
Object.assign(settings, { acct: 1, snapped: 1, checksum: 0, ipChecksum: 0 });
do tracker.trackBatch(batch);
while (capture.fill(batch));
console.log(`${capture.packets} packets, ${tracker.flows.table.confirmed} flows, ${tracker.flows.statistics.invalid} invalid`);
