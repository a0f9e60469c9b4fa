import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock, fakeRandom } from '@ring3/kit';
import { createNamespace } from './namespace.ts';

const make = () => createNamespace({ clock: new FakeClock(), random: fakeRandom() });

test('timeouts and their settings are the same values, in seconds', () => {
  const { sysctls, defaultTimeouts } = make();
  assert.equal(sysctls.get('net.netfilter.nf_conntrack_tcp_timeout_established'), '432000');
  assert.equal(sysctls.set('nf_conntrack_tcp_timeout_established', '500\n'), undefined);
  assert.equal(defaultTimeouts.tcp[2], 500 * 250);
  defaultTimeouts.udp[1] = 77 * 250;
  assert.equal(sysctls.get('nf_conntrack_udp_timeout_stream'), '77');
});

test('a file accepts at most 2^31 - 1 ticks; a value that DEFAULT_SET wrapped reads as negative', () => {
  const { sysctls, defaultTimeouts } = make();
  assert.equal(sysctls.set('nf_conntrack_udp_timeout', '8589934'), undefined);
  for (const value of ['8589935', '4294967295', 'abc', '', '1x'])
    assert.equal(sysctls.set('nf_conntrack_udp_timeout', value), 'invalid', value);
  for (const [text, value] of [
    ['0x10', '16'],
    [' 7', '7'],
    ['5 6', '5'],
    ['-1', '-1'],
  ] as const) {
    assert.equal(sysctls.set('nf_conntrack_udp_timeout', text), undefined);
    assert.equal(sysctls.get('nf_conntrack_udp_timeout'), value);
  }
  for (const [ticks, shown] of [
    [17_179_869 * 250, '-0'],
    [8_589_935 * 250, '-8589934'],
    [10_000_000 * 250, '-7179869'],
  ] as const) {
    defaultTimeouts.tcp[2] = ticks;
    assert.equal(sysctls.get('nf_conntrack_tcp_timeout_established'), shown);
  }
});

test('switches accept 0 and 1, counts their range; nf_conntrack_count is read-only', () => {
  const { sysctls, settings } = make();
  assert.equal(sysctls.set('nf_conntrack_acct', '1'), undefined);
  assert.equal(settings.acct, 1);
  assert.equal(sysctls.set('nf_conntrack_acct', '2'), 'invalid');
  assert.equal(sysctls.set('nf_conntrack_tcp_max_retrans', '255'), undefined);
  assert.equal(sysctls.set('nf_conntrack_tcp_max_retrans', '256'), 'invalid');
  assert.equal(sysctls.set('nf_conntrack_count', '1'), 'readOnly');
  assert.equal(sysctls.get('nf_conntrack_count'), '0');
  assert.equal(sysctls.set('nf_conntrack_nonsense', '1'), 'unknown');
  assert.equal(sysctls.get('net.netfilter.nf_conntrack_nonsense'), undefined);
  assert.ok(sysctls.names().includes('nf_conntrack_tcp_timeout_close'));
});

test('nf_conntrack_max takes effect at once, also beyond the initial capacity; 0: unlimited', () => {
  const { sysctls, tracker } = make();
  const packet = (port: number): DataView => {
    const view = new DataView(
      Uint8Array.from(Buffer.from('4500001c0001000040110000c0a80001c0a80002000000350008 0000'.replace(' ', ''), 'hex')).buffer,
    );
    view.setUint16(20, port);
    return view;
  };
  Object.assign(tracker.flows.settings, { checksum: 0, ipChecksum: 0 });
  const begin = (from: number, end: number): void => {
    for (let port = from; port < end; port++) tracker.track(packet(port), 0, 28, 0);
  };
  sysctls.set('nf_conntrack_max', '10');
  begin(1, 30);
  assert.equal(tracker.flows.table.confirmed, 10);
  const before = tracker.flows.table.capacity;
  assert.equal(sysctls.set('nf_conntrack_max', String(before * 2)), undefined);
  assert.equal(tracker.flows.table.capacity, before * 2);
  begin(100, 120);
  begin(100, 120); // found again
  assert.equal(tracker.flows.table.confirmed, 30);
  assert.equal(sysctls.set('nf_conntrack_max', '0'), undefined);
  begin(200, 210);
  assert.equal(tracker.flows.table.confirmed, 40);
  assert.equal(sysctls.set('nf_conntrack_max', '2147483647'), 'invalid'); // beyond the largest arena
});
