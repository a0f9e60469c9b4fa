import { deepStrictEqual, strictEqual, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { parseProtocols, parseTimeouts, printPolicy } from './timeout-grammar.ts';
import { UsageError } from './usage.ts';

test("nfct's words are understood, states in either case", () => {
  deepStrictEqual(parseProtocols('inet', 'tcp'), { l3proto: 2, l4proto: 6 });
  deepStrictEqual(parseProtocols('inet6', 'generic'), { l3proto: 10, l4proto: 255 });
  deepStrictEqual(parseTimeouts(6, ['established', '100', 'SYN_SENT2', '7', 'unacknowledged', '5']), {
    established: 100,
    synSent2: 7,
    unack: 5,
  });
});

test('errors of the command line name the fault and what is allowed', () => {
  throws(() => parseProtocols('inet7', 'tcp'), /inet, inet6, not "inet7"/);
  throws(() => parseProtocols('inet', 'constructor'), UsageError);
  throws(() => parseTimeouts(17, ['established', '5']), /no timeout "established": unreplied, replied/);
  throws(() => parseTimeouts(17, ['replied']), /whole seconds/);
  for (const seconds of ['-1', '1.5', 'abc', '17179870', '']) throws(() => parseTimeouts(17, ['replied', seconds]), UsageError);
  throws(() => parseTimeouts(17, []), UsageError);
});

test('a policy is printed as nfct prints it, its name byte for byte', () => {
  const policy = { name: 'gr\xc3\xbcn', l3proto: 2, l4proto: 17, use: 1, timeouts: { unreplied: 30, replied: 120 } };
  strictEqual(
    Buffer.from(printPolicy(policy)).toString('utf8'),
    '.grün = {\n\t.l3proto = 2,\n\t.l4proto = 17,\n\t.policy = {\n\t\t.UNREPLIED = 30,\n\t\t.REPLIED = 120,\n\t},\n};\n',
  );
});
