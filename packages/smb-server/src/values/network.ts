import { isIPv6 } from 'node:net';

/**
 * Returns what counts as one address: an IPv4 address, or the first 64 bits of an IPv6 address, since one host may use all addresses of
 * such a network (RFC 4291 2.5.4).
 * @param address as `inet_ntop` writes it; other text is returned as it is
 */
export function networkOf(address: string): string {
  const bare = address.replace(/^\[(.*)\]$/, '$1').replace(/%.*$/, '');
  if (!isIPv6(bare)) return bare;
  const [head = '', tail] = bare.split('::');
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'));
  const [first, last] = [groups(head), groups(tail ?? '')];
  const all = tail === undefined ? first : [...first, ...Array<string>(Math.max(0, 8 - first.length - last.length)).fill('0'), ...last];
  const four = all.slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16));
  return `${four.join(':')}::/64`;
}
