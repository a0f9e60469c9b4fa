import type { GivenTimeouts } from '@ring3/conntrack';
import { type AttributeSet, isRefusal } from '@ring3/netlink';
import { type IpProtocol, type TimeoutMessage, TimeoutTables } from '@ring3/nfnetlink';
import type { Attrs, AttrTable } from '@ring3/wire';

/** The table inside CTA_TIMEOUT_DATA of a protocol. */
const tableOf = (l4: number): Attrs<AttrTable> | undefined => TimeoutTables[l4 as IpProtocol] as unknown as Attrs<AttrTable> | undefined;

/**
 * The timeouts given in CTA_TIMEOUT_DATA.
 * @returns seconds by attribute type − 1, or undefined if an attribute is malformed
 */
export function givenTimeouts(attributes: AttributeSet<typeof TimeoutMessage.table>, l4: number): GivenTimeouts | undefined {
  const table = tableOf(l4);
  if (table === undefined) return [];
  const found = attributes.within('data', table);
  if (isRefusal(found)) return undefined;
  const given: (number | undefined)[] = [];
  for (const [name, { type }] of Object.entries(table.table)) given[type - 1] = found.get(name) as number | undefined;
  return given;
}
