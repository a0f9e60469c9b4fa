import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { LinkType, openCapture, pcapOf } from '@ring3/capture';
import { need } from './programs.ts';

const folder = mkdtempSync(join(tmpdir(), 'ring3-capture-'));
after(() => rmSync(folder, { recursive: true }));

const packets = Array.from({ length: 50 }, (_, i) => ({
  timeNs: 1_700_000_000_000_000_001n + BigInt(i) * 1_234_567n,
  bytes: Uint8Array.from([
    ...new Array(12).fill(2),
    8,
    0,
    0x45,
    0,
    0,
    28 + i,
    0,
    1,
    0,
    0,
    64,
    17,
    0,
    0,
    10,
    0,
    0,
    1,
    10,
    0,
    0,
    2,
    0,
    53,
    0,
    53,
    0,
    8 + i,
    0,
    0,
    ...new Array(i).fill(i),
  ]),
}));
const file = join(folder, 'ours.pcap');
writeFileSync(file, pcapOf(packets, { linkType: LinkType.Ethernet }));
const read = (path: string) => [...openCapture(path)].map(({ timeNs, bytes }) => ({ timeNs, bytes: [...bytes] }));

describe('captures that Wireshark’s programs read and write', need('tshark'), () => {
  test('tshark reads ring3’s captures, to the nanosecond', () => {
    const out = execFileSync('tshark', ['-r', file, '-T', 'fields', '-e', 'frame.time_epoch', '-e', 'frame.len', '-e', 'udp.dstport'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const wanted = packets.map(
      ({ timeNs, bytes }) => `${timeNs / 1_000_000_000n}.${String(timeNs % 1_000_000_000n).padStart(9, '0')}\t${bytes.length}\t53`,
    );
    assert.deepEqual(out.trim().split('\n'), wanted);
  });

  for (const format of ['pcap', 'nsecpcap', 'pcapng'] as const) {
    test(`a capture that editcap writes as ${format} is read`, () => {
      const made = join(folder, `made.${format}`);
      execFileSync('editcap', ['-F', format, file, made]);
      const unit = format === 'pcap' ? 1000n : 1n;
      assert.deepEqual(
        read(made),
        packets.map(({ timeNs, bytes }) => ({ timeNs: timeNs - (timeNs % unit), bytes: [...bytes] })),
      );
    });
  }
});
