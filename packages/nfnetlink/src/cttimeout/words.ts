import { AddressFamily, IpProtocol } from '../protocol.ts';
import { TimeoutTables } from './attributes.ts';

/** The words of `nfct timeout …` for families and protocols. */
export const timeoutFamilies: Readonly<Record<string, number>> = { inet: AddressFamily.Inet, inet6: AddressFamily.Inet6 };
export const timeoutProtocols: Readonly<Record<string, number>> = {
  tcp: IpProtocol.Tcp,
  udp: IpProtocol.Udp,
  udplite: IpProtocol.UdpLite,
  icmp: IpProtocol.Icmp,
  icmpv6: IpProtocol.Icmpv6,
  sctp: IpProtocol.Sctp,
  dccp: IpProtocol.Dccp,
  gre: IpProtocol.Gre,
  generic: IpProtocol.Generic,
};

/** The longest time that the kernel's 4 ms ticks can express, in seconds. */
export const longestTimeoutSeconds = 17_179_869;

/** The printed word, if it differs from the attribute's name. */
const printedAs: Readonly<Record<string, string>> = { unack: 'UNACKNOWLEDGED' };

/** `SYN_SENT` of the field `synSent`: the word that `nfct` prints. */
export const timeoutWord = (field: string): string => printedAs[field] ?? field.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();

/** The fields of a protocol's timeouts by lower-case word, with the index of each among the attributes. */
export function timeoutFields(l4proto: number): ReadonlyMap<string, { readonly field: string; readonly index: number }> {
  const table = TimeoutTables[l4proto as IpProtocol]?.table ?? {};
  return new Map(Object.entries(table).map(([field, { type }]) => [timeoutWord(field).toLowerCase(), { field, index: type - 1 }]));
}
