import { strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ipOffset, LinkType } from './link-type.ts';

const offsetOf = (linkType: number, hex: string): number => {
  const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');
  return ipOffset(linkType, new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, bytes.length);
};
const macs = '000000000001 000000000002';

test('the IP header is found after the link layer of each type', () => {
  for (const [linkType, hex, offset] of [
    [LinkType.Ethernet, `${macs} 0800 45`, 14],
    [LinkType.Ethernet, `${macs} 86dd 60`, 14],
    [LinkType.Ethernet, `${macs} 8100 0005 0800 45`, 18],
    [LinkType.Ethernet, `${macs} 88a8 0005 8100 0006 86dd 60`, 22],
    [LinkType.Ethernet, `${macs} 0806 00`, -1],
    [LinkType.Ethernet, `${macs} 8100 00`, -1],
    [LinkType.Raw, '45', 0],
    [LinkType.RawBsd, '45', 0],
    [LinkType.Ipv6, '60', 0],
    [LinkType.Raw, '', -1],
    [LinkType.LinuxSll, `0000 0001 0006 ${'00'.repeat(8)} 0800 45`, 16],
    [LinkType.LinuxSll, `0000 0001 0006 ${'00'.repeat(8)} 0806`, -1],
    [LinkType.LinuxSll2, `86dd 0000 00000001 0001 00 06 ${'00'.repeat(8)} 60`, 20],
    [LinkType.LinuxSll2, `8100 0000 00000001 0001 00 06 ${'00'.repeat(8)} 0007 0800 45`, 24],
    [LinkType.Null, '02000000 45', 4],
    [LinkType.Null, '0000001e 60', 4],
    [LinkType.Null, '07000000 45', -1],
    [LinkType.Loop, '00000018 60', 4],
    [147, '45', -1],
  ] as const)
    strictEqual(offsetOf(linkType, hex), offset, `${linkType}: ${hex}`);
});

test('it does not read beyond the end of any frame', () => {
  fc.assert(
    fc.property(fc.constantFrom(...Object.values(LinkType)), fc.uint8Array({ maxLength: 40 }), (linkType, bytes) => {
      for (let i = 12; i + 1 < bytes.length; i += 4) bytes.set([0x81, 0], i); // an unlimited number of tags
      const offset = ipOffset(linkType, new DataView(bytes.buffer), 0, bytes.length);
      strictEqual(offset >= -1 && offset <= bytes.length, true);
    }),
  );
});
