import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { describe, test } from 'node:test';
import { type Outcome, outcomeOf } from './beside.ts';
import { kernelNamespace, withoutNamespaces } from './namespace.ts';
import { need } from './programs.ts';
import { startRing3 } from './ring3.ts';
import { served } from './served.ts';

const bin = resolve(import.meta.dirname, '../../packages/cli/bin/ring3.js');

const done: Outcome = { out: '', err: '', status: 0 };

describe('rules and namespaces of a running daemon, as nfct sees them', need('nfct'), () => {
  const stage = served((folder) => startRing3(folder));
  const ring3 = (group: string, line: string): Outcome =>
    outcomeOf(process.execPath, bin, group, '--control', stage.server.at['control'] as string, ...line.split(' '));
  const nfct = (line: string, namespace?: string): Outcome => {
    const where = ['--netlink', stage.server.at['netlink'] as string, ...(namespace === undefined ? [] : ['--namespace', namespace])];
    return outcomeOf(process.execPath, bin, 'exec', ...where, '--', 'nfct', ...line.split(' '));
  };

  test('a policy that a rule uses is busy until the rule is deleted', () => {
    assert.deepEqual(nfct('add timeout p inet udp replied 5'), done);
    assert.deepEqual(ring3('rule', 'add udp dport 5000 timeout p'), done);
    assert.deepEqual(ring3('rule', 'list'), { ...done, out: '1 inet udp dport 5000 timeout p\n' });
    const refused = nfct('delete timeout p');
    assert.match(refused.err, /Device or resource busy/);
    assert.equal(refused.status, 1);
    assert.match(nfct('list timeout').out, /^\.p = \{\n/);
    assert.deepEqual(ring3('rule', 'delete 1'), done);
    assert.deepEqual(nfct('delete timeout p'), done);
    assert.deepEqual(nfct('list timeout'), done);
  });

  test('the kernel behaves the same with a rule of iptables', { skip: withoutNamespaces ?? need('iptables').skip ?? false }, () => {
    using namespace = kernelNamespace();
    const inKernel = (line: string): Outcome => outcomeOf(...namespace.prefix, ...line.split(' '));
    const rule = 'iptables-legacy -w -t raw -A PREROUTING -p udp --dport 5000 -j CT --timeout p';
    inKernel('nfct add timeout p inet udp replied 5');
    nfct('add timeout p inet udp replied 5');
    assert.equal(inKernel(rule).status, 0, inKernel(rule).err);
    assert.equal(ring3('rule', 'add inet udp dport 5000 in timeout p').status, 0);
    for (const line of ['delete timeout p', 'get timeout p', 'flush timeout', 'list timeout'])
      assert.deepEqual(nfct(line), outcomeOf(...namespace.prefix, 'nfct', ...line.split(' ')), line);
    assert.deepEqual(ring3('rule', 'flush'), done);
    inKernel('iptables-legacy -w -t raw -F');
    for (const line of ['flush timeout', 'list timeout'])
      assert.deepEqual(nfct(line), outcomeOf(...namespace.prefix, 'nfct', ...line.split(' ')), line);
  });

  test('a namespace has its own table, and exec connects to it by its name', () => {
    assert.deepEqual(ring3('namespace', 'add lab'), done);
    assert.deepEqual(ring3('namespace', 'list'), { ...done, out: 'default\nlab\n' });
    assert.deepEqual(nfct('add timeout inside inet tcp close 7', 'lab'), done);
    assert.match(nfct('list timeout', 'lab').out, /^\.inside = /);
    assert.deepEqual(nfct('list timeout'), done);
    assert.deepEqual(ring3('rule', '--namespace lab add tcp timeout inside'), done);
    assert.equal(ring3('rule', 'list').out, '');
    assert.equal(ring3('rule', 'list --namespace lab').out, '1 inet tcp timeout inside\n');
    assert.match(nfct('delete timeout inside', 'lab').err, /busy/);
    assert.deepEqual(ring3('namespace', 'delete lab'), done);
    assert.notEqual(nfct('list timeout', 'lab').status, 0);
    assert.match(ring3('rule', 'list --namespace lab').err, /^ring3: there is no namespace lab\n$/);
  });

  test('a helper that a rule uses is busy too', () => {
    assert.deepEqual(nfct('add helper tftp inet udp'), done);
    const added = ring3('rule', 'add udp dport 69 helper tftp');
    assert.deepEqual(added, done);
    assert.match(nfct('delete helper tftp inet udp').err, /Device or resource busy/);
    assert.deepEqual(ring3('rule', 'flush'), done);
    assert.deepEqual(nfct('delete helper tftp inet udp'), done);
  });

  test('ring3 helper and nfct see and print the same list', () => {
    const helper = (line: string): Outcome =>
      outcomeOf(process.execPath, bin, 'helper', '--netlink', stage.server.at['netlink'] as string, ...line.split(' '));
    const known = [
      'amanda inet udp',
      'dhcpv6 inet6 udp',
      'mdns inet udp',
      'rpc inet tcp',
      'sane inet tcp',
      'slp inet udp',
      'ssdp inet tcp',
      'tftp inet6 udp',
      'tns inet tcp',
    ];
    const seen = (adds: (name: string) => Outcome): string => {
      for (const name of known) assert.deepEqual(adds(name), done, name);
      const all = helper('list --json').out;
      assert.deepEqual(helper('list'), nfct('list helper'));
      assert.deepEqual(helper('get tftp'), nfct('get helper tftp'));
      assert.deepEqual(helper('flush'), done);
      return all;
    };
    assert.equal(
      seen((name) => helper(`add ${name}`)),
      seen((name) => nfct(`add helper ${name}`)),
    );
    assert.deepEqual(helper('add mine inet tcp --class data:4:60 --class more:1:9 --private 8 --queue 3 --enabled'), done);
    assert.match(
      nfct('list helper').out,
      /\.name = mine,\n\t\.queuenum = 3,\n\t\.l3protonum = 2,\n\t\.l4protonum = 6,\n\t\.priv_data_len = 8,\n\t\.status = enabled/,
    );
    assert.deepEqual(helper('disable mine inet tcp'), done);
    assert.match(helper('get mine inet tcp').out, /\.status = disabled/);
    assert.match(helper('delete yours').err, /^ring3: delete helper "yours": .*ENOENT.*\n$/);
    assert.deepEqual(helper('delete mine inet tcp'), done);
    assert.deepEqual(helper('add mine inet tcp').status, 2);
  });

  test('an error is one line: exit status 1 if the command failed, 2 if it is invalid', () => {
    for (const [line, status, err] of [
      ['add udp dport 5000 timeout nosuch', 1, 'ring3: there is no timeout policy nosuch\n'],
      ['delete 99', 1, 'ring3: there is no rule 99\n'],
      ['add udp dport 5000', 2, 'ring3: a rule needs an action: timeout NAME, helper NAME, zone N, events LIST or notrack\n'],
      ['add udp dport 99999 notrack', 2, 'ring3: a port is a number from 0 to 65535, not "99999"\n'],
      ['delete first', 2, 'ring3: invalid rule number "first": a number of "ring3 rule list"\n'],
    ] as const)
      assert.deepEqual(ring3('rule', line), { out: '', err, status }, line);
  });
});
