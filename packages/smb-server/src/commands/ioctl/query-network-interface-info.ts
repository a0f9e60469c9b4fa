import { AddressFamily, Capabilities, Dialect, InterfaceCapability, NetworkInterfaceInfo, NtStatus } from '@ring3/smb-proto';
import { Frame } from '@ring3/wire';
import type { NetworkInterface } from '../../values/network-interfaces.ts';
import type { IoctlRow } from './row.ts';

/**
 * FSCTL_QUERY_NETWORK_INTERFACE_INFO, MS-SMB2 3.3.5.15.11: the addresses that a client may use for further channels. Fails with
 * STATUS_NOT_SUPPORTED without SMB2_GLOBAL_CAP_MULTI_CHANNEL, and on a server that knows none of its interfaces.
 */
export const queryNetworkInterfaceInfo: IoctlRow = {
  needs: 'tree',
  handle({ connection, server }) {
    const { dialect, serverCapabilities } = connection.negotiated;
    if (dialect < Dialect.Smb30 || (serverCapabilities & Capabilities.MultiChannel) === 0) return NtStatus.NotSupported;
    const interfaces = server.interfaces().filter(({ index }) => index !== 0);
    return interfaces.length === 0 ? NtStatus.NotSupported : encoded(interfaces);
  },
};

function encoded(interfaces: readonly NetworkInterface[]): Uint8Array {
  const { byteLength } = NetworkInterfaceInfo;
  const frame = Frame.alloc(interfaces.length * byteLength);
  const last = interfaces.length - 1;
  for (const [i, { index, address, family, speed }] of interfaces.entries()) {
    const isV4 = family === 'IPv4';
    NetworkInterfaceInfo.write(frame, i * byteLength, {
      next: i < last ? byteLength : 0,
      ifIndex: index,
      capability: InterfaceCapability.Rss,
      linkSpeed: BigInt(speed),
      family: isV4 ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6,
      port: 0,
      ipv4: isV4 ? ipv4Bytes(address) : new Uint8Array(4),
      ipv6: isV4 ? new Uint8Array(16) : ipv6Bytes(address),
      rest: new Uint8Array(104),
    });
  }
  return frame.bytes;
}

const ipv4Bytes = (address: string): Uint8Array => Uint8Array.from(address.split('.'), Number);

/** The 16 bytes of an IPv6 address, RFC 4291 section 2.2: a URL has all of its words in hexadecimal. */
function ipv6Bytes(address: string): Uint8Array {
  const canonical = new URL(`http://[${address.replace(/%.*/, '')}]`).hostname.slice(1, -1);
  const [head = '', tail = ''] = canonical.split('::');
  const words = (part: string): number[] => (part === '' ? [] : part.split(':').map((word) => Number.parseInt(word, 16)));
  const [first, last] = [words(head), words(tail)];
  const all = [...first, ...new Array<number>(8 - first.length - last.length).fill(0), ...last];
  return Uint8Array.from(all.flatMap((word) => [word >>> 8, word & 0xff]));
}
