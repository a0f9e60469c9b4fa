import { equal } from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { ipOffset, openCapture } from '@ring3/capture';

test('examples/sample.pcap holds 36 IPv4 packets, as tshark -r counts them', () => {
  using capture = openCapture(join(import.meta.dirname, 'sample.pcap'));
  let packets = 0;
  for (const { bytes } of capture) {
    const at = ipOffset(1, new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0, bytes.byteLength);
    equal((bytes[at] ?? 0) >> 4, 4);
    packets++;
  }
  equal(packets, 36);
});
