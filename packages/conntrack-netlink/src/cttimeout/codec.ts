import { type GivenTimeouts, secondsOf, type Timeouts } from '@ring3/conntrack';
import { type AttributeSet, isRefusal } from '@ring3/netlink';
import { type IpProtocol, TimeoutMessage, TimeoutMessages, TimeoutTables } from '@ring3/nfnetlink';
import type { Attrs, AttrTable } from '@ring3/wire';

/** The message table of a protocol; that of an unknown one writes no timeouts. */
export const messageOf = (l4: number): Attrs<AttrTable> => (TimeoutMessages[l4] ?? TimeoutMessage) as unknown as Attrs<AttrTable>;

/** The table inside CTA_TIMEOUT_DATA of a protocol. */
const tableOf = (l4: number): Attrs<AttrTable> | undefined => TimeoutTables[l4 as IpProtocol] as unknown as Attrs<AttrTable> | undefined;

/** Ticks as the value of CTA_TIMEOUT_DATA: seconds by name. */
export function timeoutValues(l4: number, timeouts: Timeouts, hz: number): Record<string, number> {
  const values: Record<string, number> = {};
  for (const [name, { type }] of Object.entries(tableOf(l4)?.table ?? {})) {
    const ticks = timeouts[type - 1];
    if (ticks !== undefined) values[name] = secondsOf(ticks, hz);
  }
  return values;
}

/**
 * The timeouts given in CTA_TIMEOUT_DATA.
 * @returns seconds by attribute type less one, or undefined where an attribute is malformed
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
