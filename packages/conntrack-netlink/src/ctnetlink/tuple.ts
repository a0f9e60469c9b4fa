import { Family, icmpHasReply, icmpv6HasReply, Protocol, type Tuple } from '@ring3/conntrack';
import { type AttributeSet, Errno, isRefusal } from '@ring3/netlink';
import { TupleAttributes, TupleIp, TupleProto } from '@ring3/nfnetlink';
import type { AttrTable } from '@ring3/wire';

/** Protocols whose key is two ports. */
const withPorts: ReadonlySet<number> = new Set([Protocol.Tcp, Protocol.Udp, Protocol.UdpLite, Protocol.Sctp, Protocol.Gre]);

/**
 * Reads a CTA_TUPLE_* nest.
 * @param family AF_INET or AF_INET6 of the message
 * @returns the tuple, with a zone if CTA_TUPLE_ZONE is present, or a positive errno
 */
export function tupleOf<A extends AttrTable>(attributes: AttributeSet<A>, field: keyof A & string, family: number): Tuple | number {
  const found = attributes.within(field, TupleAttributes);
  if (isRefusal(found)) return found.errno;
  if (family !== Family.Ipv4 && family !== Family.Ipv6) return Errno.EOPNOTSUPP;
  if (!found.has('ip')) return Errno.EINVAL;
  const addresses = addressesOf(found, family);
  if (typeof addresses === 'number') return addresses;
  if (!found.has('proto')) return Errno.EINVAL;
  const key = keyOf(found);
  if (typeof key === 'number') return key;
  const zone = found.get('zone');
  return { family, ...addresses, ...key, ...(zone === undefined ? {} : { zone }) };
}

type TupleSet = AttributeSet<(typeof TupleAttributes)['table']>;

function addressesOf(tuple: TupleSet, family: number): Pick<Tuple, 'source' | 'destination'> | number {
  const found = tuple.within('ip', TupleIp);
  if (isRefusal(found)) return found.errno;
  const source = found.get(family === Family.Ipv4 ? 'v4Source' : 'v6Source');
  const destination = found.get(family === Family.Ipv4 ? 'v4Destination' : 'v6Destination');
  return source === undefined || destination === undefined ? Errno.EINVAL : { source, destination };
}

function keyOf(tuple: TupleSet): Pick<Tuple, 'protocol' | 'sourcePort' | 'destinationPort'> | number {
  const found = tuple.within('proto', TupleProto);
  if (isRefusal(found)) return found.errno;
  const protocol = found.get('number');
  if (protocol === undefined) return Errno.EINVAL;
  const pair = (a: number | undefined, b: number | undefined) =>
    a === undefined || b === undefined ? Errno.EINVAL : { protocol, sourcePort: a, destinationPort: b };
  if (withPorts.has(protocol)) return pair(found.get('sourcePort'), found.get('destinationPort'));
  // a type without a reply type has no flows
  if (protocol === Protocol.Icmp) {
    const type = found.get('icmpType');
    if (type !== undefined && !icmpHasReply(type)) return Errno.EINVAL;
    return pair(found.get('icmpId'), typeAndCode(type, found.get('icmpCode')));
  }
  if (protocol === Protocol.Icmpv6) {
    const type = found.get('icmpv6Type');
    if (type !== undefined && !icmpv6HasReply(type)) return Errno.EINVAL;
    return pair(found.get('icmpv6Id'), typeAndCode(type, found.get('icmpv6Code')));
  }
  return pair(0, 0);
}

const typeAndCode = (type: number | undefined, code: number | undefined): number | undefined =>
  type === undefined || code === undefined ? undefined : (type << 8) | code;

/** A tuple as the value of a CTA_TUPLE_* nest, without its zone. */
export function tupleValue({ family, protocol, source, destination, sourcePort, destinationPort }: Tuple) {
  const ip = family === Family.Ipv4 ? { v4Source: source, v4Destination: destination } : { v6Source: source, v6Destination: destination };
  return { ip, proto: keyValue(protocol, sourcePort, destinationPort) };
}

function keyValue(number: number, sourcePort: number, destinationPort: number) {
  const type = destinationPort >>> 8;
  const code = destinationPort & 255;
  if (number === Protocol.Icmp) return { number, icmpId: sourcePort, icmpType: type, icmpCode: code };
  if (number === Protocol.Icmpv6) return { number, icmpv6Id: sourcePort, icmpv6Type: type, icmpv6Code: code };
  return withPorts.has(number) ? { number, sourcePort, destinationPort } : { number };
}
