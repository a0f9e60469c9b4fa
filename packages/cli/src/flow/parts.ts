import { type ConntrackEntry, type ConntrackTuple, IpProtocol, printAddress } from '@ring3/nfnetlink';
import { stateNames } from './words.ts';

/** The protocol of a flow's original direction. */
export const protocolOf = (entry: ConntrackEntry): number => entry.tupleOrig?.proto?.number ?? 0;

/** The state of a flow, if its protocol has states: `ESTABLISHED`. */
export function stateOf({ protoinfo }: ConntrackEntry): string | undefined {
  for (const protocol of ['tcp', 'sctp', 'dccp'] as const) {
    const state = protoinfo?.[protocol]?.state;
    if (state !== undefined) return stateNames[protocol][state] ?? `${state}`;
  }
  return undefined;
}

/** The addresses of one direction; '' if they were not received. */
export function addressesOf(tuple: ConntrackTuple | undefined): { source: string; destination: string } {
  const { v4Source, v4Destination, v6Source, v6Destination } = tuple?.ip ?? {};
  const text = (bytes: Uint8Array | undefined): string => (bytes === undefined ? '' : printAddress(bytes));
  return { source: text(v4Source ?? v6Source), destination: text(v4Destination ?? v6Destination) };
}

/** The keys of the protocol, with the words of `conntrack`: `sport=1 dport=2`. */
export function keyWords(tuple: ConntrackTuple | undefined): [string, string][] {
  const proto = tuple?.proto;
  if (proto === undefined) return [];
  switch (proto.number) {
    case IpProtocol.Icmp:
      return words([
        ['type', proto.icmpType],
        ['code', proto.icmpCode],
        ['id', proto.icmpId],
      ]);
    case IpProtocol.Icmpv6:
      return words([
        ['type', proto.icmpv6Type],
        ['code', proto.icmpv6Code],
        ['id', proto.icmpv6Id],
      ]);
    case IpProtocol.Gre:
      return [
        ['srckey', `0x${(proto.sourcePort ?? 0).toString(16)}`],
        ['dstkey', `0x${(proto.destinationPort ?? 0).toString(16)}`],
      ];
    case IpProtocol.Tcp:
    case IpProtocol.Udp:
    case IpProtocol.UdpLite:
    case IpProtocol.Sctp:
    case IpProtocol.Dccp:
      return words([
        ['sport', proto.sourcePort],
        ['dport', proto.destinationPort],
      ]);
    default:
      return [];
  }
}

const words = (pairs: readonly (readonly [string, number | undefined])[]): [string, string][] =>
  pairs.filter(([, value]) => value !== undefined).map(([word, value]) => [word, String(value)]);
