import { deepStrictEqual, throws } from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseRule, printRule, RuleSyntaxError } from './rule-grammar.ts';

const again = (line: string): string => printRule(parseRule(line.split(' '))).join(' ');

test('a listed rule has the added words in canonical order', () => {
  for (const line of [
    'udp dport 5000 timeout p',
    'inet tcp saddr 10.0.0.0/8 daddr 192.0.2.1 dport 80-443 timeout web helper ftp zone 5',
    'inet6 udp saddr 2001:db8::/32 zone 7 reply',
    'not tcp notrack',
    'inet not saddr 10.1.0.0/16 notrack',
    'udp not sport 53 zone 1 original',
    'protocol 89 iif eth0 in notrack',
    'icmpv6 iif wg+ out events new,destroy',
    'sctp dport 0 helper grün',
  ])
    deepStrictEqual(again(line), line);
  deepStrictEqual(again('timeout p dport 5000-5000 udp saddr 10.1.2.3/8'), 'inet udp saddr 10.0.0.0/8 dport 5000 timeout p');
});

test('errors name the fault', () => {
  for (const [line, why] of [
    ['udp dport 5000', /a rule needs an action/],
    ['udp dprt 5000 timeout p', /"dprt" in a rule; known are inet, /],
    ['constructor notrack', /unknown word "constructor"/],
    ['udp dport 70000 notrack', /a port is a number from 0 to 65535, not "70000"/],
    ['udp dport 9-5 notrack', /invalid port range/],
    ['udp dport 1-2-3 notrack', /invalid port range/],
    ['udp dport', /dport: a port or a range of them is missing/],
    ['dport 5 notrack', /sport and dport need a protocol/],
    ['icmp dport 5 notrack', /sport and dport need a protocol/],
    ['dport 5 timeout p', /sport and dport need a protocol/],
    ['timeout p', /needs a protocol/],
    ['not udp timeout p', /needs a protocol/],
    ['saddr 10.0.0.1/33 notrack', /from 0 to 32/],
    ['saddr host notrack', /invalid address/],
    ['inet6 saddr 10.0.0.1 notrack', /two address families/],
    ['zone 0', /from 1 to 65535/],
    ['notrack zone 5', /notrack cannot be combined with/],
    ['udp udp notrack', /more than one protocol/],
    ['in out notrack', /more than one direction/],
    ['not iif eth0 notrack', /no meaning/],
    ['events new,nothing', /not "nothing"/],
    ['not', /unknown word /],
  ] as const)
    throws(() => parseRule(line.split(' ')), why, line);
});

test('any words are a rule that is listed as it was said, or refused', () => {
  const word = fc.oneof(
    fc.constantFrom(
      'not',
      'udp',
      'tcp',
      'inet',
      'saddr',
      'daddr',
      'dport',
      'sport',
      'timeout',
      'helper',
      'zone',
      'notrack',
      'in',
      'iif',
      'events',
    ),
    fc.constantFrom('10.0.0.0/8', '::/0', '1-2', '80', 'p', 'reply', 'new', 'eth0'),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 8 }), (words) => {
      try {
        const rule = parseRule(words);
        deepStrictEqual(printRule(parseRule(printRule(rule))), printRule(rule));
      } catch (error) {
        if (!(error instanceof RuleSyntaxError)) throw error;
      }
    }),
    { numRuns: 1000 },
  );
});
