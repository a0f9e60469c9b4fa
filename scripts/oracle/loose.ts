import { MessageType, messages } from '@ring3/netlink';
import { ConntrackMessage, describeDatagram, Subsystem } from '@ring3/nfnetlink';
import { fromHex, toHex } from '@ring3/wire';

/** One message without the values that differ between runs and machines (ids, use counters, the table's limit), with its times separate. */
interface Comparable {
  readonly text: string;
  /** Remaining seconds: read later than the reply, and rounded down. */
  readonly timeouts: readonly number[];
}

const conntrackTypes: ReadonlySet<number> = new Set([Subsystem.Ctnetlink, Subsystem.CtnetlinkExp]);

/** The messages of all datagrams; those of flows and expectations sorted, because lists have no order. */
function comparable(datagrams: readonly string[]): Comparable[] {
  const found: Comparable[] = [];
  for (const datagram of datagrams) {
    const bytes = fromHex(datagram);
    const texts = describeDatagram(bytes);
    for (const [i, { header, frame, at }] of messages(bytes).entries()) {
      const told = header.type >= MessageType.MinType && conntrackTypes.has(header.type >> 8);
      if (!told) {
        found.push({ text: toHex(bytes.subarray(at, at + header.length)), timeouts: [] });
        continue;
      }
      const timeouts: number[] = [];
      const text = texts[i]!.replace(/\btimeout: (\d+)/g, (_, seconds: string) => {
        timeouts.push(Number(seconds));
        return 'timeout';
      })
        .replace(/\b(id|use|maxEntries): \d+/g, '$1')
        .replace(/\b(start|stop|timestampEvent): \d+/g, '$1');
      const order: number[] = [];
      ConntrackMessage.walk(frame, at + 20, header.length - 20, (type) => order.push(type));
      found.push({ text: `${header.type} ${text} in the order ${order.join(' ')}`, timeouts });
    }
  }
  return found.sort((a, b) => (a.text < b.text ? -1 : a.text > b.text ? 1 : 0));
}

/**
 * Compares responses about flows. @returns the differences, both sides as trees
 * @param apart maximum difference of remaining seconds: recorded ones were read later, and a busy machine is slow
 */
export function looseDifference(wanted: readonly string[], found: readonly string[], apart = 1): string[] {
  const [left, right] = [comparable(wanted), comparable(found)];
  const lines: string[] = [];
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const [a, b] = [left[i], right[i]];
    const near = a !== undefined && b !== undefined && a.timeouts.every((seconds, t) => Math.abs(seconds - (b.timeouts[t] ?? -9)) <= apart);
    if (a?.text === b?.text && near) continue;
    lines.push(`message ${i + 1}\n      kernel ${show(a)}\n      ring3  ${show(b)}`);
  }
  return lines;
}

const show = (one: Comparable | undefined): string =>
  one === undefined
    ? 'nothing'
    : /^[0-9a-f]+$/.test(one.text)
      ? describeDatagram(fromHex(one.text)).join(' ')
      : `${one.text} ${one.timeouts.join(' ')}`;
