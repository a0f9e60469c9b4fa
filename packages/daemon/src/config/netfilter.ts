import { type PolicySpecification, sysctlNames } from '@ring3/conntrack';
import { longestTimeoutSeconds, timeoutFamilies, timeoutFields, timeoutProtocols, toWireName } from '@ring3/nfnetlink';
import { choice, flag, integer, type Key, type Keys, list, text, type ValuesOf } from './keys.ts';

/** A port or a range of ports, optionally after `not`. */
const ports = (about: string): Key<string> => ({
  about,
  allowed: 'a port or a range of them: 80, "80-90", "not 80"',
  schema: { oneOf: [{ type: 'integer', minimum: 0, maximum: 65535 }, { type: 'string' }] },
  read: (value) => (typeof value === 'string' ? value : Number.isInteger(value) ? `${value}` : undefined),
});

/** `[[rule]]`: one rule with the words of `ring3 rule add`; `not` is part of the value. */
export const ruleKeys = {
  family: choice('address family', ['inet', 'inet6']),
  protocol: text('tcp, udp, …, or a number; "not tcp"'),
  saddr: text('source address, with or without /LENGTH'),
  daddr: text('destination address'),
  sport: ports('source port'),
  dport: ports('destination port'),
  iif: text('interface on which the packet arrives'),
  direction: choice('in: arrives; out: is sent by this host', ['in', 'out']),
  timeout: text('timeout policy'),
  helper: text('helper'),
  zone: integer('conntrack zone', 1, 65535),
  'zone-direction': choice('direction that the zone applies to (default: both)', ['original', 'reply']),
  events: list('events that its flows emit (default: all)'),
  notrack: flag('its packets are not tracked'),
} as const;

/** The words of `ring3 rule add` for a `[[rule]]`. */
export function wordsOfRule(rule: ValuesOf<typeof ruleKeys>): string[] {
  const { family, protocol, direction, zone, 'zone-direction': zoneDirection, events, notrack, ...plain } = rule;
  const split = (value: string): { not: string[]; value: string } =>
    value.startsWith('not ') ? { not: ['not'], value: value.slice(4).trim() } : { not: [], value };
  const words: string[] = family === undefined ? [] : [family];
  if (protocol !== undefined) {
    const { not, value } = split(protocol);
    words.push(...not, ...(/^\d+$/.test(value) ? ['protocol', value] : [value]));
  }
  for (const [word, given] of Object.entries(plain)) {
    if (given === undefined) continue;
    const { not, value } = word === 'timeout' || word === 'helper' ? { not: [], value: given } : split(given);
    words.push(...not, word, value);
  }
  if (direction !== undefined) words.push(direction);
  if (zone !== undefined) words.push('zone', `${zone}`, ...(zoneDirection === undefined ? [] : [zoneDirection]));
  if (events !== undefined) words.push('events', events.join(','));
  if (notrack === true) words.push('notrack');
  return words;
}

/** `[sysctl]`: settings of the tracker under the names of `/proc/sys/net/netfilter`. */
export const sysctlKeys: Keys = Object.fromEntries(sysctlNames.map((name) => [name, integer(`net.netfilter.${name}`, 0, 0x7fffffff)]));

/** `[timeout.NAME]`: the keys of each, in addition to the states of its protocol. */
export const timeoutKeys = {
  family: choice('address family', Object.keys(timeoutFamilies)),
  protocol: choice('protocol', Object.keys(timeoutProtocols)),
} as const;

/** The keys of a policy for a protocol: seconds by state. */
export const stateKeys = (protocol: string): Keys =>
  Object.fromEntries(
    [...timeoutFields(timeoutProtocols[protocol] as number).keys()].map((word) => [word, integer('seconds', 0, longestTimeoutSeconds)]),
  );

/** A policy as the namespace takes it. */
export function policyOf(name: string, values: Readonly<Record<string, unknown>>): PolicySpecification {
  const { family = 'inet', protocol } = values as { family?: string; protocol: string };
  const l4 = timeoutProtocols[protocol] as number;
  const given: (number | undefined)[] = [];
  for (const [word, { index }] of timeoutFields(l4)) given[index] = values[word] as number | undefined;
  return { name: toWireName(name), l3num: timeoutFamilies[family] as number, l4, timeouts: () => given };
}
