import { deepStrictEqual, strictEqual, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock, fakeRandom, silentLog } from '@ring3/kit';
import { type Controlled, controlHandlers } from './control/handlers.ts';
import { addRule, listRules } from './control/rules.ts';
import { Namespaces } from './namespaces.ts';

const make = () => new Namespaces({ clock: new FakeClock(), random: fakeRandom(), log: silentLog });

test('namespaces come and go, the default one stays; they share one host', () => {
  const namespaces = make();
  const lab = namespaces.add('lab');
  strictEqual(lab.host, namespaces.get().namespace.host);
  strictEqual(namespaces.find('')?.name, 'default');
  deepStrictEqual(
    namespaces.list().map(({ name }) => name),
    ['default', 'lab'],
  );
  throws(() => namespaces.add('lab'), /there is a namespace lab already/);
  throws(() => namespaces.add('a/b'), /^Error: invalid namespace name/);
  throws(() => namespaces.delete('default'), /cannot be deleted$/);
  throws(() => namespaces.delete('nowhere'), /there is no namespace nowhere/);
  namespaces.delete('lab');
  strictEqual(namespaces.find('lab'), undefined);
  namespaces.close();
});

test('a rule gets the family of the policy or helper that it names, keeps that in use, and is rejected in one line if it does not match', () => {
  const namespaces = make();
  const { namespace } = namespaces.get();
  const { timeoutPolicies, host, profile } = namespace;
  const policy = { name: 'p', l3num: 10, l4: 17, timeouts: () => [5] };
  timeoutPolicies.set(policy, { exclusive: true, replace: false });
  host.helpers.set({ name: 'h', l3num: 10, l4: 6, classes: [{ name: 'c', max: 1, timeoutSeconds: 9 }], privateLength: 0 }, true, profile);
  deepStrictEqual(addRule(namespace, ['udp', 'dport', '5000', 'timeout', 'p']), {
    id: 1,
    words: ['inet6', 'udp', 'dport', '5000', 'timeout', 'p'],
  });
  deepStrictEqual(addRule(namespace, ['tcp', 'helper', 'h']).words, ['inet6', 'tcp', 'helper', 'h']);
  strictEqual(timeoutPolicies.find('p')?.use, 2);
  strictEqual(timeoutPolicies.delete('p'), 'busy');
  throws(() => addRule(namespace, ['tcp', 'timeout', 'p']), /the timeout policy p is for other packets: family 10, protocol 17/);
  throws(() => addRule(namespace, ['inet', 'udp', 'timeout', 'p']), /is for other packets/);
  throws(() => addRule(namespace, ['udp', 'timeout', 'q']), /there is no timeout policy q/);
  throws(() => addRule(namespace, ['udp', 'helper', 'h']), /there is no helper h for these packets/);
  strictEqual(listRules(namespace).length, 2);
  namespace.rules.flush();
  strictEqual(timeoutPolicies.delete('p'), undefined);
  namespaces.close();
});

test('the control socket takes JSON of any shape', () => {
  const namespaces = make();
  const handlers = controlHandlers({ namespaces } as Controlled);
  for (const [verb, ask] of [
    ['rule list', { namespace: 5 }],
    ['rule list', { namespace: 'nowhere' }],
    ['rule add', {}],
    ['rule add', { words: [5] }],
    ['rule delete', { id: 'x' }],
    ['namespace add', {}],
    ['namespace add', { name: {} }],
    ['namespace delete', { name: null }],
  ] as const)
    throws(() => (handlers[verb] as (ask: unknown) => unknown)(ask), Error);
  namespaces.close();
});
