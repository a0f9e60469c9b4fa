import { Family, type HelperRef, Protocol } from '../engine.ts';

/** Both families. */
const both = 0;
/** Lifetime of H.323's expectations, in seconds. */
const h323Seconds = 240;

/** The lifetime of a helper's expectations in seconds, and the maximum of each of its classes by flow; 0: unlimited. */
type Row = readonly [name: string, l3num: number, protocols: readonly number[], seconds: number, ...most: readonly number[]];

/** The helpers of Linux 6.18 other than ftp, as its ctnetlink has them: test/golden/ctnetlink/07-helpers.json. */
const rows: readonly Row[] = [
  ['irc', Family.Ipv4, [Protocol.Tcp], 300, 8],
  ['tftp', both, [Protocol.Udp], 300, 1],
  ['sip', both, [Protocol.Tcp, Protocol.Udp], 180, 1, 4, 4, 2],
  ['pptp', Family.Ipv4, [Protocol.Tcp], 300, 2],
  ['amanda', both, [Protocol.Udp], 180, 4],
  ['netbios-ns', Family.Ipv4, [Protocol.Udp], 3, 1],
  ['snmp', Family.Ipv4, [Protocol.Udp], 30, 1],
  ['snmp_trap', Family.Ipv4, [Protocol.Udp], 180, 0],
  ['sane', both, [Protocol.Tcp], 300, 1],
  ['RAS', both, [Protocol.Udp], h323Seconds, 32],
  ['Q.931', both, [Protocol.Tcp], h323Seconds, 20],
  ['H.245', both, [Protocol.Udp], h323Seconds, 18],
];

/**
 * The kernel's helpers that ring3 does not have, by name (decision 0126): a program that restores or synchronises a table names them, and
 * expectations of their flows have their limits. They inspect no packet, so no rule can assign them.
 */
export const namedHelpers = (): HelperRef[] =>
  rows.flatMap(([name, l3num, protocols, timeoutSeconds, ...most]) =>
    protocols.map((l4) => ({
      name,
      l3num,
      l4,
      classes: most.map((max) => ({ name, max, timeoutSeconds })),
      privateLength: 0,
      enabled: true,
      queue: -1,
      hold: () => true,
      release: () => {},
      inspect: () => true,
    })),
  );
