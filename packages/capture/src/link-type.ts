/** Link types of captures, LINKTYPE_* of the registry (draft-ietf-opsawg-pcaplinktype). Others are read as packets without an IP header. */
export const LinkType = {
  /** A protocol family in four bytes, in the byte order of the capturing machine. */
  Null: 0,
  Ethernet: 1,
  /** The number that some systems write for `Raw`. */
  RawBsd: 12,
  RawOpenBsd: 14,
  Raw: 101,
  /** A protocol family in four bytes, big-endian. */
  Loop: 108,
  /** Linux cooked capture: written by `tcpdump -i any`. */
  LinuxSll: 113,
  Ipv4: 228,
  Ipv6: 229,
  LinuxSll2: 276,
} as const;
export type LinkType = (typeof LinkType)[keyof typeof LinkType];

const linkTypes: ReadonlySet<number> = new Set(Object.values(LinkType));

/** Returns whether a number is one of `LinkType`. */
export const isLinkType = (linkType: number): boolean => linkTypes.has(linkType);

/** EtherTypes, IEEE 802 numbers (IANA). */
const EtherType = { Ipv4: 0x0800, Ipv6: 0x86dd, Vlan: 0x8100, ServiceVlan: 0x88a8, OldServiceVlan: 0x9100 } as const;

/** Values of AF_INET6 on the systems that write them; AF_INET is 2 on all. */
const ipv6Families: ReadonlySet<number> = new Set([10, 24, 28, 30]);

/**
 * Finds the IP header of a frame.
 * @param at position of the frame
 * @param length captured length
 * @returns the offset from `at`; -1 if the frame carries no IP or its link type is unknown
 */
export function ipOffset(linkType: number, view: DataView, at: number, length: number): number {
  switch (linkType) {
    case LinkType.Ethernet:
      return length < 14 ? -1 : behindEtherType(view, at, length, 12);
    case LinkType.RawBsd:
    case LinkType.RawOpenBsd:
    case LinkType.Raw:
    case LinkType.Ipv4:
    case LinkType.Ipv6:
      return length === 0 ? -1 : 0;
    case LinkType.LinuxSll:
      return length < 16 ? -1 : behindEtherType(view, at, length, 14);
    case LinkType.LinuxSll2:
      return length < 20 ? -1 : cookedSecond(view, at, length);
    case LinkType.Null:
      return length < 4 ? -1 : behindFamily(view.getUint32(at, true), view.getUint32(at, false));
    case LinkType.Loop:
      return length < 4 ? -1 : behindFamily(view.getUint32(at, false), 0);
    default:
      return -1;
  }
}

/** Skips VLAN tags. @param typeAt offset of the type from `at` */
function behindEtherType(view: DataView, at: number, length: number, typeAt: number): number {
  for (let type = view.getUint16(at + typeAt, false); ; type = view.getUint16(at + typeAt, false)) {
    if (type === EtherType.Ipv4 || type === EtherType.Ipv6) return typeAt + 2;
    if (type !== EtherType.Vlan && type !== EtherType.ServiceVlan && type !== EtherType.OldServiceVlan) return -1;
    typeAt += 4;
    if (typeAt + 2 > length) return -1;
  }
}

/** SLL2 begins with the type; a VLAN tag follows the 20 bytes. */
function cookedSecond(view: DataView, at: number, length: number): number {
  const type = view.getUint16(at, false);
  if (type === EtherType.Ipv4 || type === EtherType.Ipv6) return 20;
  const tagged = type === EtherType.Vlan || type === EtherType.ServiceVlan || type === EtherType.OldServiceVlan;
  return tagged && length >= 24 ? behindEtherType(view, at, length, 22) : -1;
}

const isIp = (family: number): boolean => family === 2 || ipv6Families.has(family);
const behindFamily = (family: number, otherwise: number): number => (isIp(family) || isIp(otherwise) ? 4 : -1);
