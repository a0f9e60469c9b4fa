import { type ConntrackTupleInput, IpProtocol, parseAddress } from '@ring3/nfnetlink';
import { UsageError } from '../usage.ts';
import { type FilterOptions, parseProtocol, wholeNumber } from './filter.ts';

/** Options of `ring3 flow get` in addition to the filters: the key of ICMP. */
export interface TupleOptions extends FilterOptions {
  readonly icmpType?: string;
  readonly icmpCode?: string;
  readonly icmpId?: string;
}

/** The complete tuple of one direction from the options. @throws UsageError with what is missing */
export function parseTuple(options: TupleOptions): { family: number; tuple: ConntrackTupleInput; zone: number | undefined } {
  const { protocol, origSrc, origDst, zone } = options;
  if (protocol === undefined || origSrc === undefined || origDst === undefined)
    throw new UsageError('--protocol, --orig-src, --orig-dst and the ports are required');
  const [source, destination] = [parseAddress(origSrc), parseAddress(origDst)];
  if (source === undefined || source.length !== destination?.length)
    throw new UsageError(`"${origSrc}" and "${origDst}" must be addresses of the same family`);
  const number = parseProtocol(protocol);
  const ip = source.length === 4 ? { v4Source: source, v4Destination: destination } : { v6Source: source, v6Destination: destination };
  return {
    family: source.length === 4 ? 2 : 10,
    tuple: { ip, proto: { number, ...keyOf(number, options) } },
    zone: zone === undefined ? undefined : wholeNumber(zone, 'a zone', 65535),
  };
}

function keyOf(protocol: number, { sport, dport, icmpType, icmpCode, icmpId }: TupleOptions): object {
  if (protocol === IpProtocol.Icmp || protocol === IpProtocol.Icmpv6) {
    const [type, code] = [needed(icmpType, '--icmp-type', 255), wholeNumber(icmpCode ?? '0', '--icmp-code', 255)];
    const id = needed(icmpId, '--icmp-id', 65535);
    return protocol === IpProtocol.Icmp
      ? { icmpType: type, icmpCode: code, icmpId: id }
      : { icmpv6Type: type, icmpv6Code: code, icmpv6Id: id };
  }
  const ported: readonly number[] = [IpProtocol.Tcp, IpProtocol.Udp, IpProtocol.UdpLite, IpProtocol.Sctp, IpProtocol.Dccp];
  if (!ported.includes(protocol) && sport === undefined && dport === undefined) return {};
  return { sourcePort: needed(sport, '--sport', 65535), destinationPort: needed(dport, '--dport', 65535) };
}

function needed(text: string | undefined, option: string, most: number): number {
  if (text === undefined) throw new UsageError(`${option} is missing`);
  return wholeNumber(text, option, most);
}
