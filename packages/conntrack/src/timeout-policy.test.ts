import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock, fakeRandom } from '@ring3/kit';
import { createNamespace, type Namespace } from './namespace.ts';
import type { ProfileName } from './profile.ts';
import type { GivenTimeouts } from './timeout-policy.ts';

const make = (profile: ProfileName = 'current', hz = 250): Namespace =>
  createNamespace({ clock: new FakeClock(), random: fakeRandom(), profile, hz });
const policy = (name: string, l4 = 6, given: GivenTimeouts = [], l3num = 2) => ({ name, l3num, l4, timeouts: () => given });
const plain = { exclusive: false, replace: false };
const replace = { exclusive: false, replace: true };

test('omitted timeouts take the current defaults, in a replacement too', () => {
  const { timeoutPolicies, defaultTimeouts } = make();
  const made = timeoutPolicies.set(policy('p', 6, [undefined, undefined, 100]), plain);
  assert.ok(typeof made === 'object');
  assert.deepEqual([made.timeouts[0], made.timeouts[2]], [120 * 250, 100 * 250]);
  defaultTimeouts.tcp[0] = 7 * 250;
  assert.equal(timeoutPolicies.set(policy('p', 6, [undefined, 9]), replace), made);
  assert.deepEqual([made.timeouts[0], made.timeouts[1], made.timeouts[2]], [7 * 250, 9 * 250, 432_000 * 250]);
});

test('an existing name: EEXIST with NLM_F_EXCL, EINVAL for other protocols, EBUSY without NLM_F_REPLACE', () => {
  const { timeoutPolicies } = make();
  timeoutPolicies.set(policy('p'), plain);
  assert.equal(timeoutPolicies.set(policy('p'), { exclusive: true, replace: true }), 'exists');
  assert.equal(timeoutPolicies.set(policy('p', 17), replace), 'different');
  assert.equal(timeoutPolicies.set(policy('p', 99), replace), 'different');
  assert.equal(timeoutPolicies.set(policy('p', 99), plain), 'busy');
  assert.equal(timeoutPolicies.set(policy('q', 33), plain), 'unsupported');
});

test('v4.8 knows protocols by family, and checks the protocol before the name', () => {
  const { timeoutPolicies } = make('v4.8');
  timeoutPolicies.set(policy('p'), plain);
  assert.equal(timeoutPolicies.set(policy('p', 99), plain), 'unsupported');
  assert.equal(timeoutPolicies.set(policy('q', 58), plain), 'unsupported');
  assert.ok(typeof timeoutPolicies.set(policy('q', 58, [], 10), plain) === 'object');
  assert.ok(typeof timeoutPolicies.set(policy('d', 33), plain) === 'object');
  assert.ok(typeof timeoutPolicies.set(policy('g', 255, [], 7), plain) === 'object');
});

test('values are 32-bit ticks, and wrap according to HZ', () => {
  for (const [hz, largest] of [
    [250, 17_179_869],
    [1000, 4_294_967],
    [100, 42_949_672],
  ] as const) {
    const { timeoutPolicies } = make('current', hz);
    const made = timeoutPolicies.set(policy('p', 1, [largest]), plain);
    assert.ok(typeof made === 'object');
    assert.equal(Math.floor(made.timeouts[0]! / hz), largest);
    timeoutPolicies.set(policy('p', 1, [largest + 1]), replace);
    assert.ok(Math.floor(made.timeouts[0]! / hz) < 2);
  }
});

test('a policy that a rule uses is busy; a flush removes the others', () => {
  const { timeoutPolicies, rules } = make();
  const held = timeoutPolicies.set(policy('held'), plain);
  timeoutPolicies.set(policy('free'), plain);
  assert.ok(typeof held === 'object');
  const rule = rules.add({ family: 2, protocol: 6 }, { timeout: 'held' });
  assert.ok(typeof rule === 'object');
  assert.equal(held.use, 2);
  assert.equal(timeoutPolicies.delete('held'), 'busy');
  timeoutPolicies.flush();
  assert.deepEqual(
    [...timeoutPolicies].map(({ name }) => name),
    ['held'],
  );
  rules.delete(rule.id);
  assert.equal(timeoutPolicies.delete('held'), undefined);
  assert.equal(timeoutPolicies.delete('held'), 'unknown');
  assert.equal(held.removed, true);
  assert.equal(held.hold(), false);
});

test('closing a namespace removes the policies from the list, then from the flows; a rule keeps its own', () => {
  const namespace = make();
  const made = namespace.timeoutPolicies.set(policy('p'), plain);
  assert.ok(typeof made === 'object' && made.hold());
  const seen: number[] = [];
  namespace.onDetached(() => seen.push(namespace.timeoutPolicies.size));
  namespace.close();
  namespace.close();
  assert.deepEqual(seen, [0]);
  assert.equal(made.use, 1);
});
