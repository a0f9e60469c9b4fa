import { deepStrictEqual, match } from 'node:assert/strict';
import { test } from 'node:test';
import { Errno, NetlinkError } from '@ring3/netlink';
import { explain } from './hints.ts';

const failure = (fields: object): Error => Object.assign(new Error('raw text of Node.js'), fields);

test('a failure that Node.js reports is said in a sentence with the way out', () => {
  for (const [fields, line] of [
    [
      { syscall: 'listen', code: 'EACCES', address: '127.0.0.1', port: 445 },
      /^cannot listen on 127\.0\.0\.1:445: this user may not use ports below \d+: .*--as USER.*=445$/,
    ],
    [
      { syscall: 'listen', code: 'EADDRINUSE', address: '127.0.0.1', port: 445 },
      /: another program listens there: .*systemctl stop smbd.*--port$/,
    ],
    [
      { syscall: 'listen', code: 'EADDRINUSE', address: '::', port: 4450 },
      /^cannot listen on \[::\]:4450: another program listens there: (?!.*smbd)/,
    ],
    [
      { syscall: 'listen', code: 'EADDRNOTAVAIL', address: '10.99.99.99', port: 4450 },
      /: 10\.99\.99\.99 is not an address of this machine: /,
    ],
    [
      { syscall: 'getaddrinfo', code: 'ENOTFOUND', hostname: 'fileserver.lan' },
      /^cannot listen on fileserver\.lan: the host name fileserver\.lan is not known: /,
    ],
    [
      { syscall: 'getaddrinfo', code: 'ENOTFOUND', hostname: '[::1]', port: 4450 },
      /: an IPv6 address is written without brackets here: ::1$/,
    ],
    [{ syscall: 'stat', code: 'ENOENT', path: 'nothere.pcap' }, /^nothere\.pcap does not exist$/],
    [{ syscall: 'open', code: 'EACCES', path: '/root/x' }, /^\/root\/x: this user may not use it: .*ls -ld \/root\/x/],
    [{ syscall: 'read', code: 'EISDIR', path: '/tmp' }, /^\/tmp is a directory, not a file$/],
  ] as const)
    match(explain(failure(fields)).join(), line);
});

test('what caused a failure is looked at too; a failure without a hint is its first line', () => {
  deepStrictEqual(explain(new Error('start failed', { cause: failure({ code: 'ENOENT', path: '/x', syscall: 'open' }) })), [
    '/x does not exist',
  ]);
  deepStrictEqual(explain(new Error('one\ntwo')), ['one']);
  deepStrictEqual(explain('text'), ['text']);
});

test('EPERM of the kernel names both ways out', () => {
  match(explain(new NetlinkError(-Errno.EPERM, 'list flows')).join(), /^list flows: EPERM: .*sudo.*ring3 serve/);
});

test('a netlink socket in use is named, with the option that chooses another', () => {
  const error = Object.assign(new Error('bind /run/ring3/netlink.sock: EADDRINUSE'), {
    name: 'SystemError',
    syscall: 'bind',
    code: 'EADDRINUSE',
  });
  deepStrictEqual(explain(error), [
    '/run/ring3/netlink.sock: another program listens there: stop it, or choose another socket with --netlink',
  ]);
});
