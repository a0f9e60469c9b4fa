import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import type { DaemonStatus } from '@ring3/daemon';
import { addressesOf, type Interfaces, startBlock } from './start-block.ts';

const address = (family: 'IPv4' | 'IPv6', address: string, internal = false, scopeid = 0) =>
  ({ family, address, internal, netmask: '', mac: '', cidr: null, ...(family === 'IPv6' ? { scopeid } : {}) }) as never;
const interfaces: Interfaces = {
  lo: [address('IPv4', '127.0.0.1', true), address('IPv6', '::1', true)],
  eth0: [address('IPv6', 'fe80::1', false, 2), address('IPv6', '2001:db8::20'), address('IPv4', '192.168.1.20')],
};
const status = (smb: string, shares: readonly string[]): DaemonStatus => ({
  state: 'running',
  pid: 1,
  upSeconds: 0,
  shares,
  smb,
  stateDir: '/s',
});

test('a server on all addresses is reached at those of the interfaces, not at loopback or link-local ones', () => {
  deepStrictEqual(addressesOf('0.0.0.0', interfaces), ['192.168.1.20']);
  deepStrictEqual(addressesOf('::', interfaces), ['192.168.1.20', '2001:db8::20']);
  deepStrictEqual(addressesOf('10.0.0.1', interfaces), ['10.0.0.1']);
  deepStrictEqual(addressesOf('0.0.0.0', { lo: interfaces['lo'] }), ['127.0.0.1']);
});

test('the block has what a person types on Windows, macOS and Linux, and who logs on', () => {
  const lines = startBlock({ status: status('0.0.0.0:445', ['Photos']), guest: false, users: ['anna'] }, interfaces);
  deepStrictEqual(lines.slice(0, 5), [
    '',
    'Photos',
    '  Windows  \\\\192.168.1.20\\Photos',
    '  macOS    smb://192.168.1.20/Photos   (Finder: Go, Connect to Server)',
    '  Linux    smb://192.168.1.20/Photos   or  mount -t cifs //192.168.1.20/Photos /mnt -o user=anna',
  ]);
  strictEqual(lines.includes('user: anna'), true);
});

test('another port, a share with a blank, and IPv6 are written as each client takes them', () => {
  const [, , windows, macos, linux] = startBlock(
    { status: status('[2001:db8::20]:4450', ['Größe 2']), guest: true, users: [] },
    interfaces,
  ) as [string, string, string, string, string];
  strictEqual(windows.startsWith('  Windows  net use * "\\\\2001-db8--20.ipv6-literal.net\\Größe 2" /tcpport:4450'), true);
  strictEqual(macos.startsWith('  macOS    smb://[2001:db8::20]:4450/Gr%C3%B6%C3%9Fe%202'), true);
  strictEqual(linux.endsWith("mount -t cifs '//2001:db8::20/Größe 2' /mnt -o port=4450,user=guest"), true);
});

test('a generated password and loopback are shown; without shares there is no block', () => {
  const madeUser = { name: 'ring3', password: 'abcd-efgh' };
  const lines = startBlock({ status: status('127.0.0.1:4450', ['a', 'b', 'c', 'd']), guest: false, users: [], madeUser }, interfaces);
  strictEqual(lines.includes('user: ring3, password abcd-efgh'), true);
  strictEqual(lines.includes('only this machine can connect: --host 0.0.0.0 opens it to the network'), true);
  strictEqual(lines.includes('and 1 more: ring3 share list'), true);
  deepStrictEqual(startBlock({ status: status('127.0.0.1:4450', []), guest: false, users: [] }, interfaces), []);
});
