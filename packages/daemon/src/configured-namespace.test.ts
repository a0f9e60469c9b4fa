import { deepStrictEqual, strictEqual, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { createNamespace, type PolicySpecification } from '@ring3/conntrack';
import { FakeClock, fakeRandom } from '@ring3/kit';
import { ConfiguredNamespace } from './configured-namespace.ts';
import { addRule, listRules } from './control/rules.ts';

const policy = (name: string, seconds: number, l4 = 17): PolicySpecification => ({
  name,
  l3num: 2,
  l4,
  timeouts: () => [seconds, seconds],
});
const web = ['inet', 'udp', 'dport', '80', 'timeout', 'web'];
const dns = ['inet', 'udp', 'dport', '53', 'notrack'];

function make() {
  const namespace = createNamespace({ clock: new FakeClock(), random: fakeRandom(1), flows: 64 });
  const policies = (): [string, number][] => [...namespace.timeoutPolicies].map(({ name, timeouts }) => [name, timeouts[0] as number]);
  return {
    namespace,
    configured: new ConfiguredNamespace(namespace),
    policies,
    rules: () => listRules(namespace).map(({ words }) => words),
  };
}

test('policies and rules are replaced by those of another configuration; those added by command stay', () => {
  const { namespace, configured, policies, rules } = make();
  deepStrictEqual(configured.apply({ timeouts: [policy('web', 5), policy('old', 6)], rules: [web] }), [
    { what: 'timeout web', how: 'added', holds: 'now' },
    { what: 'timeout old', how: 'added', holds: 'now' },
    { what: 'rules', how: 'changed', holds: 'now' },
  ]);
  const added = ['inet', 'tcp', 'zone', '3'];
  addRule(namespace, added);
  deepStrictEqual(configured.apply({ timeouts: [policy('web', 9)], rules: [dns, web] }), [
    { what: 'timeout web', how: 'changed', keys: ['timeouts'], holds: 'now' },
    { what: 'timeout old', how: 'removed', holds: 'now' },
    { what: 'rules', how: 'changed', holds: 'now' },
  ]);
  deepStrictEqual(
    policies().map(([name]) => name),
    ['web'],
  );
  deepStrictEqual(rules(), [dns, web, added], 'configured rules come first, in their order');
  deepStrictEqual(configured.apply({ timeouts: [policy('web', 9)], rules: [dns, web] }), []);
});

test('a change that fails in part changes nothing: no rule, no policy', () => {
  const { configured, policies, rules } = make();
  const before = { timeouts: [policy('kept', 5)], rules: [dns] };
  configured.apply(before);
  throws(() => configured.apply({ timeouts: [policy('kept', 9), policy('new', 1)], rules: [dns, web] }), /there is no timeout policy web/);
  throws(() => configured.apply({ timeouts: [policy('new', 1), policy('kept', 9, 6)] }), /kept cannot be made/);
  deepStrictEqual(rules(), [dns]);
  deepStrictEqual(
    policies().map(([name]) => name),
    ['kept'],
  );
  deepStrictEqual(configured.apply(before), []);
});

test('the seconds of a policy are restored if the rules are invalid', () => {
  const { configured, policies } = make();
  configured.apply({ timeouts: [policy('kept', 5)] });
  const before = policies();
  throws(() => configured.apply({ timeouts: [policy('kept', 9)], rules: [web] }));
  deepStrictEqual(policies(), before);
});

test('objects that a command deleted are created again by the same configuration', () => {
  const { namespace, configured, policies, rules } = make();
  const contents = { timeouts: [policy('web', 5)], rules: [dns, web] };
  configured.apply(contents);
  namespace.rules.flush();
  namespace.timeoutPolicies.flush();
  deepStrictEqual(configured.apply(contents), [
    { what: 'timeout web', how: 'added', holds: 'now' },
    { what: 'rules', how: 'changed', holds: 'now' },
  ]);
  deepStrictEqual(rules(), [dns, web]);
  strictEqual(policies().length, 1);
});

test('a policy that another rule names stays until that rule is deleted', () => {
  const { namespace, configured, policies } = make();
  configured.apply({ timeouts: [policy('web', 5)] });
  const { id } = addRule(namespace, web);
  configured.apply({});
  strictEqual(policies().length, 1);
  strictEqual(namespace.rules.delete(id), true);
});

test('settings are those of the configuration; one that is no longer named is restored; an invalid value changes nothing', () => {
  const { namespace, configured } = make();
  const { sysctls } = namespace;
  sysctls.set('nf_conntrack_acct', '1');
  deepStrictEqual(configured.apply({ sysctls: { nf_conntrack_acct: 0, nf_conntrack_udp_timeout: 7 } }), [
    { what: 'sysctl', how: 'changed', holds: 'now' },
  ]);
  deepStrictEqual([sysctls.get('nf_conntrack_acct'), sysctls.get('nf_conntrack_udp_timeout')], ['0', '7']);
  throws(
    () => configured.apply({ sysctls: { nf_conntrack_udp_timeout: 8, nf_conntrack_tcp_be_liberal: 2 } }),
    /nf_conntrack_tcp_be_liberal cannot be set to "2"/,
  );
  deepStrictEqual([sysctls.get('nf_conntrack_acct'), sysctls.get('nf_conntrack_udp_timeout')], ['0', '7']);
  configured.apply({ sysctls: { nf_conntrack_tcp_loose: 0 } });
  deepStrictEqual(
    ['acct', 'udp_timeout', 'tcp_loose'].map((name) => sysctls.get(`nf_conntrack_${name}`)),
    ['1', '30', '0'],
  );
  deepStrictEqual(configured.apply({ sysctls: { nf_conntrack_tcp_loose: 0 } }), []);
});
